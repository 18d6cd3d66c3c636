"""The conversation of a timing server: a request a line on stdin, a reply a line on stdout, both JSON.

  {"make": case, "slot": n}                                   makes a case ready and runs it once
  {"time": {"slot": n, "warm": n, "calls": n, "seconds": s}}  the seconds of each call
  {"peak": {}}                                                the most bytes of device memory held so far
  anything else                                               frees every slot
"""
import argparse
import json
import os
import sys
import time


def arguments():
    ap = argparse.ArgumentParser()
    ap.add_argument('--threads', type=int, default=2)
    ap.add_argument('--tuned', action='store_true')
    ap.add_argument('--device', default='cpu')
    ap.add_argument('--precision', choices=('f32', 'tf32', 'f16'), default='f32')
    return ap.parse_args()


def serve(hello, make, peak=lambda: 0):
    """make(case) gives a function without arguments, and what is told of its first result; peak() counts bytes."""
    # What libraries print goes to stderr: stdout belongs to the replies.
    out = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    slots = {}
    print(json.dumps({'hello': hello}), file=out, flush=True)
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), slots, make, peak)
        except Exception as e:
            reply = {'error': f'{type(e).__name__}: {e}'}
        print(json.dumps(reply), file=out, flush=True)


def answer(request, slots, make, peak):
    if 'make' in request:
        slots[request['slot']], told = make(request['make'])
        return told
    if 'time' in request:
        limit, seconds = request['time'], []
        run = slots[limit['slot']]
        for _ in range(limit['warm']):
            run()
        begin = time.perf_counter()
        while not seconds or len(seconds) < limit['calls'] and time.perf_counter() - begin < limit['seconds']:
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        return {'seconds': seconds}
    if 'peak' in request:
        return {'bytes': peak()}
    slots.clear()
    return {}
