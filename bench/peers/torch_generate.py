#!/usr/bin/env python3
"""One whole image in PyTorch: load, words, hint, DDIM with guidance and a ControlNet, decode, write. The loop of
`controlnet generate --sampler ddim`, without its tokenizer: the words are ids.

  torch_generate.py MODEL CONTROL OUT.ppm [--size 512] [--steps 20] [--threads 2] [--tuned]
"""
import argparse

import torch

import networks
import sd15_torch as sd

GUIDANCE = 7.5


def alphas():
    """Cumulative products of Stable Diffusion's schedule."""
    beta = torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - beta, 0)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('model')
    ap.add_argument('control')
    ap.add_argument('out')
    ap.add_argument('--size', type=int, default=512)
    ap.add_argument('--steps', type=int, default=20)
    ap.add_argument('--threads', type=int, default=2)
    ap.add_argument('--tuned', action='store_true')
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    text, unet, vae = (sd.Weights(a.model, p, a.tuned) for p in (sd.TEXT, sd.UNET, sd.VAE))
    control = sd.Weights(a.control, sd.CONTROL, a.tuned)
    layout = torch.channels_last if a.tuned else torch.contiguous_format
    with torch.inference_mode() if a.tuned else torch.no_grad():
        context = sd.clip(text, networks.token_ids(2))
        hint = torch.rand(1, 3, a.size, a.size).contiguous(memory_format=layout)
        hint = sd.encode_hint(control, hint)
        x = torch.randn(1, 4, a.size // 8, a.size // 8)
        cumulative, stride = alphas(), 1000 // a.steps
        for i in reversed(range(a.steps)):
            t = i * stride + 1
            both = x.repeat(2, 1, 1, 1).contiguous(memory_format=layout)
            times = torch.full((2,), float(t))
            residuals = sd.control_net(control, both, hint, times, context)
            without, with_words = sd.unet(unet, both, times, context, residuals).chunk(2)
            noise = without + GUIDANCE * (with_words - without)
            now, then = float(cumulative[t]), float(cumulative[max(t - stride, 0)])
            x0 = (x - (1 - now) ** 0.5 * noise) / now ** 0.5
            x = then ** 0.5 * x0 + (1 - then) ** 0.5 * noise
        image = sd.decode(vae, x.contiguous(memory_format=layout))
    pixels = ((image[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).contiguous()
    with open(a.out, 'wb') as f:
        f.write(b'P6 %d %d 255\n' % (a.size, a.size) + pixels.numpy().tobytes())


if __name__ == '__main__':
    main()
