"""The conversation of a timing server: a request a line on stdin, a reply a line on stdout, both JSON.

  {"make": case, "slot": n}                                   makes a case ready and runs it once
  {"time": {"slot": n, "warm": n, "calls": n, "seconds": s}}  the seconds of each call
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
    return ap.parse_args()


def serve(hello, make):
    """make(case) gives a function without arguments, and what is told of its first result."""
    # What libraries print goes to stderr: stdout belongs to the replies.
    out = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    slots = {}
    print(json.dumps({'hello': hello}), file=out, flush=True)
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), slots, make)
        except Exception as e:
            reply = {'error': f'{type(e).__name__}: {e}'}
        print(json.dumps(reply), file=out, flush=True)


def answer(request, slots, make):
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
    slots.clear()
    return {}
