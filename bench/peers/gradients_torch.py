#!/usr/bin/env python3
"""Gradients of convolutions and linear layers in PyTorch, at the shapes of Conv2dCases.Training and MatMulCases.Training.

A peer to time against. Prints one line for each gradient: median and best milliseconds, two threads, the better of both
memory layouts. Needs torch only.

  gradients_torch.py [--only TEXT] [--rounds 9] [--threads 2]
"""
import argparse
import time
import torch

CONVOLUTIONS = [  # batch, size, in, out, kernel, stride
    (2, 64, 320, 320, 3, 1), (2, 32, 640, 640, 3, 1), (2, 16, 1280, 1280, 3, 1), (2, 8, 1280, 1280, 3, 1),
    (2, 64, 320, 320, 1, 1), (2, 64, 320, 320, 3, 2), (2, 64, 4, 320, 3, 1), (2, 256, 32, 32, 3, 1)]
LAYERS = [  # rows, in, out
    (8192, 320, 320), (8192, 320, 2560), (8192, 1280, 320), (2048, 640, 640), (2048, 640, 5120), (512, 1280, 1280),
    (154, 768, 320)]


def measure(calls, rounds):
    times = {name: [] for name in calls}
    for r in range(-2, rounds):
        for name, run in calls.items():
            start = time.perf_counter()
            run()
            if r >= 0:
                times[name].append((time.perf_counter() - start) * 1e3)
    return {name: (sorted(t)[len(t) // 2], min(t)) for name, t in times.items()}


def convolution(n, size, i, o, k, s, rounds):
    out = (size + 2 * (k // 2) - k) // s + 1
    calls = {}
    for layout in ('contiguous', 'channels_last'):
        x, w, g = (torch.randn(*shape).contiguous(memory_format=getattr(torch, layout + '_format', None)
                                                  or getattr(torch, layout))
                   for shape in ((n, i, size, size), (o, i, k, k), (n, o, out, out)))

        def back(mask, x=x, w=w, g=g):
            return lambda: torch.ops.aten.convolution_backward(
                g, x, w, [o], [s, s], [k // 2, k // 2], [1, 1], False, [0, 0], 1, mask)
        calls['dx', layout] = back([True, False, False])
        calls['dWeight', layout] = back([False, True, False])
    times = measure(calls, rounds)
    return {c: min(times[c, layout] for layout in ('contiguous', 'channels_last')) for c in ('dx', 'dWeight')}


def linear(rows, i, o, rounds):
    x, w, g = torch.randn(rows, i), torch.randn(o, i), torch.randn(rows, o)
    return measure({'dx': lambda: g @ w, 'dWeight': lambda: g.t() @ x, 'dBias': lambda: g.sum(0)}, rounds)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--only', default='')
    ap.add_argument('--rounds', type=int, default=9)
    ap.add_argument('--threads', type=int, default=2)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    work = [(f'conv {i}@{size}->{o} k{k} s{s}', convolution, (n, size, i, o, k, s))
            for n, size, i, o, k, s in CONVOLUTIONS]
    work += [(f'linear {r}x{i}->{o}', linear, (r, i, o)) for r, i, o in LAYERS]
    with torch.no_grad():
        for name, run, shape in work:
            if a.only in name:
                for call, (median, best) in run(*shape, a.rounds).items():
                    print(f'{name} {call}: {median:.3f} ms, best {best:.3f}', flush=True)


if __name__ == '__main__':
    main()
