"""One Markdown file, written anew after every part: whatever happens, what was found so far is there."""
import os
import subprocess
import time
import traceback

SHOWN = 60


class Report:
    def __init__(self, path, minutes):
        self.path = path
        self.lines = []
        self.failures = []
        self.begin = time.time()
        self.until = self.begin + 60 * minutes

    def heading(self, title, facts):
        self.lines += [f'# {title}', '', '| | |', '|---|---|']
        self.lines += [f'| {name} | {cell(value)} |' for name, value in facts]
        self.write()

    def part(self, title, run):
        """A section; an exception in it is a row of the failures."""
        self.lines += ['', f'## {title}', '']
        self.write()
        print(f'== {title}', flush=True)
        try:
            if self.left() <= 0:
                raise TimeoutError('no time was left for this part (--minutes)')
            run()
        except Exception as e:
            self.row(title, 'FAILED', f'{type(e).__name__}: {e}')
            print(traceback.format_exc(), flush=True)
        self.write()

    def left(self):
        """Seconds until the time of the whole run is over."""
        return self.until - time.time()

    def row(self, what, result, note):
        """A result that is no table: what failed is also listed at the end, what is not well is printed as well."""
        self.lines += [f'* **{what}: {result}**. {cell(note)}']
        if result == 'FAILED':
            self.failures.append(f'{what}: {note}')
        if result in ('FAILED', 'left out'):
            print(f'   {what}: {result}: {note}', flush=True)

    def text(self, paragraph):
        self.lines += ['', paragraph]

    def table(self, columns, rows):
        self.lines += ['', '| ' + ' | '.join(columns) + ' |', '|' + '---|' * len(columns)]
        self.lines += ['| ' + ' | '.join(cell(value) for value in row) + ' |' for row in rows] + ['']
        self.write()

    def command(self, what, words, seconds, environment=None):
        """Runs a command and shows the end of what it printed. Returns its output; None where it did not run."""
        print(f'   {" ".join(words)}', flush=True)
        start = time.time()
        try:
            done = subprocess.run(
                words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=max(1, min(seconds, self.left())),
                env=dict(os.environ, **(environment or {})))
            output, code = done.stdout.decode('utf-8', 'replace'), done.returncode
        except subprocess.TimeoutExpired as e:
            output, code = (e.stdout or b'').decode('utf-8', 'replace'), f'none after {seconds} s'
        except OSError as e:
            output, code = str(e), 'none'
        shown = output.rstrip().split('\n')
        self.row(what, 'ok' if code == 0 else 'FAILED', f'exit code {code}, {time.time() - start:.1f} s')
        self.lines += ['', '```'] + shown[-SHOWN:] + ['```', '']
        self.write()
        return output if code == 0 else None

    def end(self):
        self.lines += ['', '## What failed', '']
        self.lines += [f'* {cell(failure)}' for failure in self.failures] or ['Nothing.']
        self.lines += ['', f'{(time.time() - self.begin) / 60:.0f} minutes.']
        self.write()
        print(f'{self.path}: {len(self.failures)} failed', flush=True)

    def write(self):
        with open(self.path + '.partial', 'w') as f:
            f.write('\n'.join(self.lines) + '\n')
        os.replace(self.path + '.partial', self.path)


def cell(value):
    return ' '.join(str(value).split()).replace('|', '\\|')
