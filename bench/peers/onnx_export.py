#!/usr/bin/env python3
"""Exports a network of sd15_torch.py to ONNX with fixed sizes: onnx_export.py PART OUT.onnx --model FILE [--control FILE].

Weights larger than the 2 GB of one protobuf are laid beside the file by torch.onnx itself; give each file a folder of its
own. Needs no `onnx` package.
"""
import argparse

import torch

import networks

OPSET = 17


class Traced(torch.nn.Module):
    """Weights as parameters, so that they become initializers rather than constants."""

    def __init__(self, part, weights):
        super().__init__()
        for name in list(weights.t):
            weights.t[name] = torch.nn.Parameter(weights.t[name], requires_grad=False)
            self.register_parameter(name.replace('.', '_'), weights.t[name])
        self.run = networks.function(part, weights)

    def forward(self, *values):
        y = self.run(*values)
        return tuple(y) if isinstance(y, list) else y


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('part', choices=networks.PARTS)
    ap.add_argument('out')
    ap.add_argument('--model')
    ap.add_argument('--control')
    ap.add_argument('--size', type=int, default=512)
    ap.add_argument('--batch', type=int, default=2)
    a = ap.parse_args()
    values = networks.inputs(a.part, a.size, a.batch)
    module = Traced(a.part, networks.weights(a.part, a.model, a.control))
    with torch.no_grad():
        torch.onnx.export(module, tuple(values.values()), a.out, input_names=list(values), opset_version=OPSET)


if __name__ == '__main__':
    main()
