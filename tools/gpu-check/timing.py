"""Contenders that are timed in turn: each is a process that answers the requests of peers/timing_server.py."""
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile

PRECISIONS = ('f32', 'tf32', 'f16')


class Server:
    """A process that times on request. A request that fails or takes too long raises, and the process is then gone."""

    def __init__(self, words, folder):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, cwd=folder)
        self.rest = b''
        self.hello = self.reply(300).get('hello', '')

    def ask(self, request, seconds=600):
        try:
            self.process.stdin.write((json.dumps(request) + '\n').encode())
            self.process.stdin.flush()
        except OSError:
            raise RuntimeError(self.ended())
        reply = self.reply(seconds)
        if 'error' in reply:
            raise RuntimeError(reply['error'])
        return reply

    def reply(self, seconds):
        out = self.process.stdout.fileno()
        while b'\n' not in self.rest:
            if not select.select([out], [], [], seconds)[0]:
                self.close()
                raise TimeoutError(f'no reply in {seconds} s')
            more = os.read(out, 1 << 16)
            if not more:
                raise RuntimeError(self.ended())
            self.rest += more
        line, self.rest = self.rest.split(b'\n', 1)
        return json.loads(line)

    def ended(self):
        """How it came to its end, with the last line it wrote to stderr."""
        code = self.process.wait(10)
        self.errors.seek(0)
        lines = self.errors.read().decode('utf-8', 'replace').strip().split('\n')
        return f'the process ended with code {code}: {lines[-1]}'

    def close(self):
        self.process.kill()
        self.process.wait()


def missing_torch(device):
    """What this Python lacks to be timed on a device, in words; None for nothing."""
    code = (
        'import sys\ntry:\n    import torch\nexcept Exception as e:\n'
        '    sys.exit(f"{sys.executable} has no PyTorch: {e}")\n'
        'if sys.argv[1] != "cpu" and not torch.cuda.is_available():\n'
        '    sys.exit(f"PyTorch {torch.__version__} finds no CUDA device (built for CUDA {torch.version.cuda})")')
    done = subprocess.run([sys.executable, '-c', code, device], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stderr.decode('utf-8', 'replace').strip().split('\n')[-1] if done.returncode else None


class Peers:
    """Ours and PyTorch in each precision, started when they are first asked for."""

    def __init__(self, bin_folder, peers_folder, device, torch_device):
        self.peers_folder = peers_folder
        self.torch_device = torch_device
        self.words = {'ours': [os.path.join(bin_folder, 'ControlNet.Native.Bench'), 'serve', '--device', device]}
        for precision in PRECISIONS if torch_device != 'cpu' else PRECISIONS[:1]:
            self.words[f'torch {precision}'] = [
                sys.executable, 'torch_server.py', '--tuned', '--device', torch_device, '--precision', precision]
        self.running = {}

    def names(self):
        return list(self.words)

    def get(self, name):
        if name not in self.running:
            self.running[name] = Server(self.words[name], self.peers_folder)
        return self.running[name]

    def leave_out(self, report):
        """Starts everyone once. Who does not start is a row of the report and takes no part; that this machine has no
        PyTorch for the device is no failure."""
        reason = missing_torch(self.torch_device)
        if reason:
            report.row('PyTorch', 'left out', f'{reason}; ours is timed alone')
            self.words = {'ours': self.words['ours']}
        for name in self.names():
            try:
                report.row(name, 'there', self.get(name).hello)
            except Exception as e:
                report.row(name, 'FAILED', f'{type(e).__name__}: {e}')
                del self.words[name]
        if 'ours' not in self.words:
            raise RuntimeError('there is nothing to compare with')

    def close(self):
        """Ends all processes: the next request starts them anew, with no memory held."""
        for server in self.running.values():
            server.close()
        self.running.clear()

    def compare(self, cases, rounds, calls, seconds):
        """Times cases = {(contender, label): case} in turn.

        Returns {(contender, label): (median seconds, rms)}, and the reason in words instead of those that failed."""
        results, times, rms = {}, {}, {}
        for slot, (key, case) in enumerate(cases.items()):
            try:
                rms[key] = self.get(key[0]).ask({'make': case, 'slot': slot}).get('rms')
                times[key] = []
            except Exception as e:
                results[key] = self.failure(key[0], e)
        order = list(times)
        for turn in range(rounds):
            for key in order if turn % 2 == 0 else order[::-1]:
                if key in results:
                    continue
                limit = {'slot': list(cases).index(key), 'warm': 2, 'calls': calls, 'seconds': seconds}
                try:
                    times[key] += self.get(key[0]).ask({'time': limit})['seconds']
                except Exception as e:
                    results[key] = self.failure(key[0], e)
        for server in list(self.running.values()):
            try:
                server.ask({'drop': {}})
            except Exception:
                pass
        for key in order:
            results.setdefault(key, (statistics.median(times[key]), rms[key]) if times[key] else 'not timed')
        return results

    def failure(self, name, error):
        server = self.running.get(name)
        if server and server.process.poll() is not None:
            del self.running[name]
        return f'{type(error).__name__}: {error}'


def milliseconds(result):
    return f'{1000 * result[0]:.3f}' if isinstance(result, tuple) else 'FAILED'


def ratio(peer, ours):
    """How much faster ours is: above 1 it is."""
    return f'{peer[0] / ours[0]:.2f}' if isinstance(peer, tuple) and isinstance(ours, tuple) else ''
