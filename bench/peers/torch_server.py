#!/usr/bin/env python3
"""Times PyTorch on request: one JSON object a line in, one a line out, nothing computed in between.

  torch_server.py [--threads 2] [--tuned] [--device cuda] [--precision f32|tf32|f16]

  {"make": {"case": "conv2d", ...}, "slot": 0}    ->  {"rms": 0.98}       inputs and weights are made, one call is run
  {"time": {"slot": 0, "warm": 1, "calls": 5, "seconds": 0.1}}  ->  {"seconds": [...]}
                                                      calls until one limit is reached, one at least, after `warm` others
  {"peak": {}}                                    ->  {"bytes": 1234}     the most memory of a GPU held so far
  {"drop": {}}                                    ->  {}                  forgets every slot
A request that fails answers {"error": "..."}. --tuned is inference_mode and, for networks, channels-last; the memory and
BLAS settings that go with it are environment variables, set by whoever starts this. On a GPU a call ends when the device
has finished it, convolutions are chosen by cuDNN's own timing, and networks use the fused attention where there is one.
"""
import torch
import torch.nn.functional as F

import networks
import timing_server


def made_linear(c, _):
    x, w = torch.randn(c['m'], c['k']), torch.randn(c['n'], c['k'])
    if c['form'] == 'linear':
        return lambda: F.linear(x, w)
    t, y = w.t().contiguous(), torch.empty(c['m'], c['n'])
    return lambda: torch.mm(x, t, out=y)


def made_conv2d(c, _):
    x = torch.randn(c['batch'], c['in'], c['height'], c['width'])
    w = torch.randn(c['out'], c['in'], c['kernel'], c['kernel'])
    bias, layout = torch.randn(c['out']), memory_format(c['form'])
    x, w = x.contiguous(memory_format=layout), w.contiguous(memory_format=layout)
    return lambda: F.conv2d(x, w, bias, c['stride'], c['kernel'] // 2)


def made_attention(c, _):
    b, h, d = c['batch'], c['heads'], c['width']
    q, k, v = (torch.randn(b, n, h * d) for n in (c['queries'], c['keys'], c['keys']))

    def heads(t):
        return t.view(b, -1, h, d).transpose(1, 2)

    def plain():
        a = torch.softmax(heads(q) @ heads(k).transpose(-1, -2) * d ** -0.5, -1) @ heads(v)
        return a.transpose(1, 2).reshape(b, -1, h * d)

    def flat(t):
        return heads(t).reshape(b * h, -1, d)

    def fused_scale():
        scores = torch.empty(b * h, c['queries'], c['keys'])
        scores = torch.baddbmm(scores, flat(q), flat(k).transpose(1, 2), beta=0, alpha=d ** -0.5)
        a = torch.bmm(torch.softmax(scores, -1), flat(v))
        return a.view(b, h, -1, d).transpose(1, 2).reshape(b, -1, h * d)

    if c['form'] == 'fused' and hasattr(F, 'scaled_dot_product_attention'):
        return lambda: F.scaled_dot_product_attention(heads(q), heads(k), heads(v)).transpose(1, 2).reshape(b, -1, h * d)
    return fused_scale if c['form'] == 'scaled' else plain


def made_group_norm(c, _):
    n, h, w, channels = c['shape']
    x = torch.randn(n, channels, h, w).contiguous(memory_format=memory_format(c['form']))
    g, b = torch.randn(channels), torch.randn(channels)
    return lambda: F.silu(F.group_norm(x, c['groups'], g, b), inplace=True)


def made_layer_norm(c, _):
    x = torch.randn(*c['shape'])
    g, b = torch.randn(c['shape'][-1]), torch.randn(c['shape'][-1])
    return lambda: F.layer_norm(x, x.shape[-1:], g, b)


def made_geglu(c, _):
    v, g = torch.randn(*c['shape']).chunk(2, -1)
    return lambda: F.gelu(g).mul_(v)


def made_softmax(c, _):
    x = torch.randn(*c['shape'])
    return lambda: torch.softmax(x, -1)


def made_conv2d_dx(c, _):
    """Gradient of the input of a 3x3 convolution."""
    x, w, dy = gradient_inputs(c)
    return lambda: backward(dy, x, w, (True, False, False))[0]


def made_conv2d_dw(c, _):
    """Gradient of the weight of a 3x3 convolution."""
    x, w, dy = gradient_inputs(c)
    return lambda: backward(dy, x, w, (False, True, False))[1]


def gradient_inputs(c):
    layout = memory_format(c['form'])
    x = torch.randn(c['batch'], c['in'], c['height'], c['width']).contiguous(memory_format=layout)
    w = torch.randn(c['out'], c['in'], 3, 3).contiguous(memory_format=layout)
    dy = torch.randn(c['batch'], c['out'], c['height'], c['width']).contiguous(memory_format=layout)
    return x, w, dy


def backward(dy, x, w, wanted):
    return torch.ops.aten.convolution_backward(dy, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted)


def made_linear_dw(c, _):
    """Gradient of the weight of a linear layer, [out, in]."""
    x, dy = torch.randn(c['m'], c['k']), torch.randn(c['m'], c['n'])
    if c['form'] == 'linear':
        return lambda: dy.t() @ x
    y = torch.empty(c['n'], c['k'])
    return lambda: torch.mm(dy.t(), x, out=y)


def made_network(c, tuned):
    part = c['part']
    w = networks.weights(part, c['model'], c.get('control'), tuned)
    values = networks.inputs(part, c['size'], c['batch']).values()
    w.t = {name: placed(value) for name, value in w.t.items()}
    values = [placed(v) for v in values]
    if tuned:
        values = [channels_last(v) for v in values]
    run = networks.function(part, w)
    return lambda: run(*values)


def placed(x):
    """On the device and in the precision of this run; whole numbers stay what they are."""
    kind = torch.get_default_dtype() if x.is_floating_point() else x.dtype
    return x.to(torch.empty(0).device, kind)


def memory_format(form):
    return torch.channels_last if form == 'nhwc' else torch.contiguous_format


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


def rms(y):
    y = y[-1] if isinstance(y, list) else y
    return float(y.double().square().mean().sqrt())


def main():
    a = timing_server.arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    on_gpu = a.device != 'cpu'
    if on_gpu:
        torch.set_default_device(a.device)
        torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = a.precision == 'tf32'
    if a.precision == 'f16':
        torch.set_default_dtype(torch.float16)

    def make(case):
        run = globals()['made_' + case['case']](case, a.tuned)
        return finished(run) if on_gpu else run, {'rms': rms(run())}

    def finished(run):
        def call():
            run()
            torch.cuda.synchronize()
        return call

    with torch.inference_mode() if a.tuned else torch.no_grad():
        timing_server.serve(
            f'PyTorch {torch.__version__}', make, lambda: torch.cuda.max_memory_reserved() if on_gpu else 0)


if __name__ == '__main__':
    main()
