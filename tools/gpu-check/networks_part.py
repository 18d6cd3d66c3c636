"""Networks of Stable Diffusion 1.5 at true size from random checkpoints: time, agreement and device memory."""
import os

from timing import milliseconds, ratio

PARTS = (('unet', 'UNet step, batch 2', 2), ('control', 'ControlNet, batch 2', 2), ('decode', 'VAE decode', 1),
         ('encode', 'VAE encode', 1), ('clip', 'text, 2 prompts', 2))
WEIGHTS = ('f32', 'f16')
SIZE = 512


def file(work, kind, weights):
    return os.path.join(work, f'{kind}-random-{weights}.safetensors')


def checkpoints(report, bin_folder, work):
    if not all(os.path.exists(file(work, kind, w)) for kind in ('sd15', 'control') for w in WEIGHTS):
        words = [os.path.join(bin_folder, 'ControlNet.Native.Bench'), 'random-checkpoint', work]
        if report.command('random checkpoints', words, 1200) is None:
            raise RuntimeError('there are no checkpoints to time')


def run(report, peers, bin_folder, work):
    checkpoints(report, bin_folder, work)
    torch = [name for name in peers.names() if name != 'ours']
    rows, seconds = [], {}
    for part, title, batch in PARTS:
        if report.left() <= 0:
            rows.append([title, 'no time was left'])
            continue
        cases = {}
        for who, weights in [('ours', w) for w in WEIGHTS] + [(name, 'f32') for name in torch]:
            cases[(who, weights)] = dict(
                case='network', part=part, model=file(work, 'sd15', weights), control=file(work, 'control', weights),
                size=SIZE, batch=batch)
        peers.close()
        results = peers.compare(cases, 3, 20, 3)
        memory = {who: peak(peers, who) for who in peers.names()}
        ours = results[('ours', 'f32')]
        seconds[part] = {key: value[0] for key, value in results.items() if isinstance(value, tuple)}
        for key in cases:
            value = results[key]
            name = f'{key[0]}, {key[1]} weights' if key[0] == 'ours' else key[0]
            if isinstance(value, str):
                report.row(f'{title}, {name}', 'FAILED', value)
            agreement = f'{value[1] / ours[1] - 1:+.1e}' if isinstance(value, tuple) and isinstance(ours, tuple) else ''
            rows.append([title, name, milliseconds(value), ratio(value, ours), agreement, memory[key[0]]])
    report.text(
        f'At {SIZE} x {SIZE}, medians of calls in turn. The ratio is the time over ours with f32 weights; agreement '
        'compares the root mean squares of the results. Memory is the most the process has held of the device for this '
        'network: ours has both kinds of weights at once.')
    report.table(['network', 'who', 'ms', 'ratio', 'agreement', 'device memory, MiB'], rows)
    if 'unet' in seconds and 'control' in seconds:
        both = [key for key in seconds['unet'] if key in seconds['control']]
        report.table(['who', 'weights', 'ControlNet over UNet'],
                     [[*key, f'{seconds["control"][key] / seconds["unet"][key]:.2f}'] for key in both])


def peak(peers, who):
    try:
        return f'{peers.get(who).ask({"peak": {}}).get("bytes", 0) / 2 ** 20:.0f}'
    except Exception:
        return ''


def image(report, tool, here, work, device):
    """From start to exit, loading and the picture included; and once more with every step launched anew."""
    pictures = []
    for weights, graphs in [(w, '') for w in WEIGHTS] + [('f16', 'none')]:
        pictures.append(os.path.join(work, f'image-{len(pictures)}.png'))
        without = ', without graphs' if graphs else ''
        report.command(
            f'a whole image, 20 steps with a ControlNet, {weights} weights{without}',
            [tool, 'generate', '--model', file(work, 'sd15', weights), '--control-net', file(work, 'control', weights),
             '--control-image', os.path.join(here, 'golden', 'annotators', 'in_shapes.png'), '--prompt', 'a cat',
             '--steps', '20', '--width', str(SIZE), '--height', str(SIZE), '--device', device, '--seed', '1',
             '--tokenizer', os.path.join(here, 'golden', 'models', 'sd1-tiny', 'tokenizer'),
             '--output', pictures[-1]], 900, {'CONTROLNET_GRAPHS': graphs})
    contents = [open(picture, 'rb').read() if os.path.exists(picture) else None for picture in pictures[1:]]
    same = contents[0] is not None and contents[0] == contents[1]
    report.row('graphs change no byte of a picture', 'ok' if same else 'FAILED', '')
