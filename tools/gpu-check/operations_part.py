"""Single operations at the shapes of Stable Diffusion 1.5 at 512 x 512, guidance's batch of 2, beside PyTorch."""
from timing import milliseconds, ratio


def cases():
    for m, k, n in ((8192, 320, 320), (8192, 320, 2560), (2048, 640, 640), (512, 1280, 1280), (154, 768, 320)):
        yield f'GEMM {m},{k},{n}', dict(case='linear', m=m, k=k, n=n, form='linear'), 2.0 * m * k * n
    for batch, size, channels, features, kernel, stride in (
            (2, 64, 320, 320, 3, 1), (2, 64, 960, 320, 3, 1), (2, 32, 640, 640, 3, 1), (2, 16, 1280, 1280, 3, 1),
            (2, 8, 1280, 1280, 3, 1), (1, 512, 128, 128, 3, 1), (2, 64, 320, 320, 3, 2), (2, 64, 320, 320, 1, 1)):
        yield (f'conv {kernel}x{kernel}/{stride} {channels}@{size}x{size}->{features} b{batch}',
               dict(case='conv2d', batch=batch, height=size, width=size, out=features, kernel=kernel, stride=stride,
                    form='nhwc', **{'in': channels}),
               2.0 * batch * (size // stride) ** 2 * channels * features * kernel * kernel)
    for queries, keys, width in ((4096, 4096, 40), (4096, 77, 40), (1024, 1024, 80), (256, 256, 160)):
        yield (f'attention {queries}x{width}, {keys} keys',
               dict(case='attention', batch=2, heads=8, queries=queries, keys=keys, width=width, form='fused'),
               4.0 * 2 * 8 * queries * keys * width)
    for case, shape in (('group_norm', [2, 64, 64, 320]), ('group_norm', [2, 16, 16, 1280]),
                        ('layer_norm', [2, 4096, 320]), ('geglu', [2, 4096, 2560]), ('softmax', [16, 1024, 1024])):
        yield f'{case} {shape}', dict(case=case, shape=shape, groups=32, form='nhwc'), None


def small(case):
    """The same operation at a size that an emulated device finishes."""
    return {name: value if name in ('case', 'form', 'kernel', 'stride', 'groups', 'batch') else
            [1, *([4] * (len(value) - 2)), 64] if name == 'shape' else min(value, 64) if name in ('in', 'out', 'k', 'n')
            else min(value, 40) if name == 'width' and case['case'] == 'attention' else min(value, 16)
            for name, value in case.items()}


def run(report, peers, quick):
    rows, peer_names = [], [name for name in peers.names() if name != 'ours']
    for name, case, operations in cases():
        if report.left() <= 0:
            rows.append([name, 'no time was left'] + [''] * (2 + 2 * len(peer_names)))
            continue
        asked = small(case) if quick else case
        results = peers.compare(
            {(who, name): asked for who in peers.names()}, 1 if quick else 3, 3 if quick else 200, 0.3)
        ours = results[('ours', name)]
        speed = f'{operations / ours[0] / 1e12:.2f}' if operations and not quick and isinstance(ours, tuple) else ''
        rows.append([name, milliseconds(ours), speed] + [
            text for who in peer_names
            for text in (milliseconds(results[(who, name)]), ratio(results[(who, name)], ours))])
        for who in peers.names():
            if isinstance(results[(who, name)], str):
                report.row(f'{name}, {who}', 'FAILED', results[(who, name)])
    columns = ['operation', 'ours, ms', 'TFLOP/s']
    for who in peer_names:
        columns += [f'{who}, ms', 'ratio']
    report.text(
        'Medians of calls in turn, random data, a call ended by waiting for the device. The ratio is the peer over '
        'ours: above 1 ours is faster. ' + ('Sizes are toys (--quick).' if quick else ''))
    report.table(columns, rows)
