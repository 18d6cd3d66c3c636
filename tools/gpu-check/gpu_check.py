"""All parts of the check of a GPU, in the order of the report; see run.sh. Standard library only."""
import argparse
import os
import shutil
import sys
import tempfile

import machine
import networks_part
import operations_part
from report import Report
from timing import Peers

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.join(HERE, 'bin')


def arguments():
    ap = argparse.ArgumentParser(prog='run.sh')
    ap.add_argument('--out', default='report.md')
    ap.add_argument('--quick', action='store_true')
    ap.add_argument('--minutes', type=float, default=60)
    ap.add_argument('--device', default='cuda:0')
    ap.add_argument('--models')
    ap.add_argument('--torch-device', help='where PyTorch computes: cuda unless the device is none of CUDA')
    return ap.parse_args()


def correctness(report, tool, a):
    """The device list, then self-test and golden data on the device asked for and on the first one of OpenCL."""
    listed = report.command('devices', [tool, 'devices'], 120)
    report.command('self-test, anew on every device', [tool, 'devices', '--self-test'], 600)
    names = [a.device]
    if 'opencl:0' in (listed or '') and a.device != 'opencl:0':
        names.append('opencl:0')
    for name in names:
        words = [tool, 'verify', os.path.join(HERE, 'golden'), '--device', name]
        report.command(f'golden data on {name}', words + (['--filter', 'ops/'] if a.quick else []), 1800)


def main():
    a = arguments()
    report = Report(a.out, a.minutes)
    report.heading(f'GPU check, {a.device}', machine.facts(HERE))
    work = a.models or tempfile.mkdtemp(prefix='gpu-check-')
    tool = os.path.join(BIN, 'controlnet')
    torch_device = a.torch_device or ('cuda' if 'cuda' in a.device else 'cpu')
    peers = Peers(BIN, os.path.join(HERE, 'peers'), a.device, torch_device)
    try:
        report.part('Right', lambda: correctness(report, tool, a))
        report.part('Contenders', lambda: peers.leave_out(report))
        report.part('Operations', lambda: operations_part.run(report, peers, a.quick))
        if a.quick:
            report.row('Networks', 'left out', '--quick')
        else:
            report.part('Networks', lambda: networks_part.run(report, peers, BIN, work))
            report.part('A whole image', lambda: networks_part.image(report, tool, HERE, work, a.device))
    finally:
        peers.close()
        if not a.models:
            shutil.rmtree(work, ignore_errors=True)
        report.end()
    return 1 if report.failures else 0


if __name__ == '__main__':
    sys.exit(main())
