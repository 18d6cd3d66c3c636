"""The networks of the table: what each takes, and how it is called. Inputs are the same in every peer and in ours, made of
an integer hash, so that the outputs' root mean squares can be compared."""
import numpy as np
import torch

import sd15_torch as sd

PARTS = ('unet', 'control', 'decode', 'encode', 'clip')


def noise(seed, *shape):
    """Uniform values of unit variance: the MurmurHash3 finalizer of the index, row-major in the shape given."""
    h = np.arange(int(np.prod(shape)), dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    u = (h >> np.uint32(8)).astype(np.float64) / (1 << 24)
    return torch.from_numpy(((2 * u - 1) * 3 ** 0.5).astype(np.float32).reshape(shape))


def token_ids(batch):
    """A start, 20 words, ends: [batch, 77]."""
    ids = torch.full((batch, 77), 49407, dtype=torch.int64)
    ids[:, 0] = 49406
    for b in range(batch):
        for i in range(20):
            ids[b, 1 + i] = 320 + 997 * (b * 20 + i)
    return ids


def inputs(part, size, batch):
    """Named inputs of a part, in the order its function takes them."""
    s = size // 8
    step = dict(x=noise(1, batch, 4, s, s), t=torch.full((batch,), 501.0), context=noise(2, batch, 77, 768))
    return {
        'unet': lambda: step,
        'control': lambda: dict(step, hint=noise(3, 1, 320, s, s)),
        'decode': lambda: dict(x=noise(1, batch, 4, s, s)),
        'encode': lambda: dict(x=noise(4, batch, 3, size, size)),
        'clip': lambda: dict(ids=token_ids(batch)),
    }[part]()


def weights(part, model, control, channels_last=False):
    """The weights of a part, from the file that holds it."""
    prefix = dict(unet=sd.UNET, control=sd.CONTROL, decode=sd.VAE, encode=sd.VAE, clip=sd.TEXT)[part]
    w = sd.Weights(control if part == 'control' else model, prefix, channels_last)
    if part in ('decode', 'encode'):
        half = 'decoder.' if part == 'decode' else 'encoder.'
        w.t = {k: v for k, v in w.t.items() if k.startswith((half, 'post_quant' if part == 'decode' else 'quant'))}
    if not w.t:
        raise ValueError(f"no tensor below '{prefix}'")
    return w


def function(part, w):
    """The part as a function of its inputs; of a ControlNet's thirteen results the middle one comes last."""
    return {
        'unet': lambda x, t, context: sd.unet(w, x, t, context),
        'control': lambda x, t, context, hint: sd.control_net(w, x, hint, t, context),
        'decode': lambda x: sd.decode(w, x),
        'encode': lambda x: sd.encode(w, x),
        'clip': lambda ids: sd.clip(w, ids),
    }[part]
