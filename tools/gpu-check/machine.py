"""What is written down of the machine: without it a time means nothing."""
import os
import platform
import subprocess
import sys
import time


def facts(folder):
    return [
        ('date', time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())),
        ('commit', read(os.path.join(folder, 'commit'))),
        ('system', platform.platform()),
        ('processor', processor()),
        ('GPU', output(['nvidia-smi', '--query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit',
                        '--format=csv,noheader'])),
        ('used before', output(['nvidia-smi', '--query-gpu=memory.used,utilization.gpu', '--format=csv,noheader'])),
        ('Python', sys.version.split()[0]),
        ('PyTorch', output([sys.executable, '-c',
                            'import torch as t; print(t.__version__, "CUDA", t.version.cuda, "cuDNN", '
                            't.backends.cudnn.version())'])),
    ]


def processor():
    names = [line.split(':')[1].strip() for line in read('/proc/cpuinfo', '').split('\n') if 'model name' in line]
    return f'{names[0]}, {len(names)} threads' if names else platform.processor()


def read(path, otherwise='unknown'):
    try:
        with open(path) as f:
            return f.read().strip() if otherwise else f.read()
    except OSError:
        return otherwise


def output(words):
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        lines = (done.stdout or done.stderr).decode('utf-8', 'replace').strip().split('\n')
        return '; '.join(lines) if done.returncode == 0 else f'none: {lines[-1]}'
    except (OSError, subprocess.TimeoutExpired) as e:
        return f'none: {e}'
