"""Stable Diffusion 1.5 with a ControlNet in plain PyTorch, read from the original single-file layout.

A peer to time against (torch_server.py, onnx_export.py, torch_generate.py) and an oracle at true size; not part of the
product. Needs torch and numpy only. Activations are [N, C, H, W] in whichever memory format they come.
"""
import json
import math
import struct

import numpy as np
import torch
import torch.nn.functional as F

TYPES = {'F32': np.float32, 'F16': np.float16}
UNET, CONTROL, VAE = 'model.diffusion_model.', 'control_model.', 'first_stage_model.'
TEXT = 'cond_stage_model.transformer.text_model.'


class Weights:
    """Tensors of a safetensors file below a prefix, widened to float32; convolutions channels-last where that is asked."""

    def __init__(self, path, prefix, channels_last=False):
        with open(path, 'rb') as f:
            n = struct.unpack('<Q', f.read(8))[0]
            header = json.loads(f.read(n))
        data = np.memmap(path, np.uint8, 'r', offset=8 + n)
        self.t = {}
        for name, e in header.items():
            if name.startswith(prefix):
                a, b = e['data_offsets']
                x = data[a:b].view(TYPES[e['dtype']]).reshape(e['shape'])
                y = torch.from_numpy(np.array(x, np.float32))
                if channels_last and y.dim() == 4:
                    y = y.contiguous(memory_format=torch.channels_last)
                self.t[name[len(prefix):]] = y

    def has(self, name):
        return name in self.t

    def __getitem__(self, name):
        return self.t[name]


def lin(w, p, x):
    return F.linear(x, w[p + '.weight'], w.t.get(p + '.bias'))


def conv(w, p, x, stride=1, padding=1):
    k = w[p + '.weight']
    return F.conv2d(x, k, w.t.get(p + '.bias'), stride, padding if k.shape[2] == 3 else 0)


def gn(w, p, x, eps):
    return F.group_norm(x, 32, w[p + '.weight'], w[p + '.bias'], eps)


def ln(w, p, x):
    return F.layer_norm(x, x.shape[-1:], w[p + '.weight'], w[p + '.bias'])


def attention(w, p, x, context, heads=8):
    q, k, v = (lin(w, f'{p}.to_{n}', t) for n, t in (('q', x), ('k', context), ('v', context)))
    b, s, c = q.shape
    q, k, v = (t.view(b, -1, heads, c // heads).transpose(1, 2) for t in (q, k, v))
    if q.is_cuda and hasattr(F, 'scaled_dot_product_attention'):
        y = F.scaled_dot_product_attention(q, k, v)
    else:
        y = torch.softmax(q @ k.transpose(-1, -2) * (c // heads) ** -0.5, -1) @ v
    return lin(w, p + '.to_out.0', y.transpose(1, 2).reshape(b, s, c))


def transformer(w, p, x, context):
    b, c, h, wd = x.shape
    y = conv(w, p + '.proj_in', gn(w, p + '.norm', x, 1e-6))
    y = y.permute(0, 2, 3, 1).reshape(b, h * wd, c)
    t = p + '.transformer_blocks.0'
    n = ln(w, t + '.norm1', y)
    y = y + attention(w, t + '.attn1', n, n)
    y = y + attention(w, t + '.attn2', ln(w, t + '.norm2', y), context)
    v, g = lin(w, t + '.ff.net.0.proj', ln(w, t + '.norm3', y)).chunk(2, -1)
    y = y + lin(w, t + '.ff.net.2', v * F.gelu(g))
    return x + conv(w, p + '.proj_out', y.reshape(b, h, wd, c).permute(0, 3, 1, 2))


def resnet(w, p, x, emb):
    h = conv(w, p + '.in_layers.2', F.silu(gn(w, p + '.in_layers.0', x, 1e-5)))
    h = h + lin(w, p + '.emb_layers.1', emb)[:, :, None, None]
    h = conv(w, p + '.out_layers.3', F.silu(gn(w, p + '.out_layers.0', h, 1e-5)))
    return h + (conv(w, p + '.skip_connection', x) if w.has(p + '.skip_connection.weight') else x)


def time_embedding(w, t):
    f = torch.exp(-math.log(10000) * torch.arange(160) / 160)
    a = t.float()[:, None] * f[None]
    e = torch.cat([torch.cos(a), torch.sin(a)], -1).to(w['time_embed.0.weight'].dtype)
    return F.silu(lin(w, 'time_embed.2', F.silu(lin(w, 'time_embed.0', e))))


def block(w, p, h, emb, context):
    if w.has(p + '.0.op.weight'):
        return conv(w, p + '.0.op', h, 2)
    h = resnet(w, p + '.0', h, emb)
    k = 1
    if w.has(f'{p}.1.norm.weight'):
        h = transformer(w, p + '.1', h, context)
        k = 2
    if w.has(f'{p}.{k}.conv.weight'):
        h = conv(w, f'{p}.{k}.conv', F.interpolate(h, scale_factor=2))
    return h


def encoder(w, x, emb, context, hint=None):
    h = conv(w, 'input_blocks.0.0', x)
    if hint is not None:
        h = h + hint
    skips = [h]
    for i in range(1, 12):
        h = block(w, f'input_blocks.{i}', h, emb, context)
        skips.append(h)
    h = resnet(w, 'middle_block.0', h, emb)
    h = transformer(w, 'middle_block.1', h, context)
    return resnet(w, 'middle_block.2', h, emb), skips


def unet(w, x, t, context, control=None):
    emb = time_embedding(w, t)
    h, skips = encoder(w, x, emb, context)
    if control is not None:
        h = h + control[-1]
        skips = [s + c for s, c in zip(skips, control)]
    for i in range(12):
        h = block(w, f'output_blocks.{i}', torch.cat([h, skips.pop()], 1), emb, context)
    return conv(w, 'out.2', F.silu(gn(w, 'out.0', h, 1e-5)))


def encode_hint(w, hint):
    """[1, 3, H, W] in [0, 1] to [1, 320, H / 8, W / 8]: once for an image."""
    for i in range(8):
        hint = conv(w, f'input_hint_block.{2 * i}', hint, 2 if i in (2, 4, 6) else 1)
        hint = F.silu(hint) if i < 7 else hint
    return hint


def control_net(w, x, hint_features, t, context):
    h, skips = encoder(w, x, time_embedding(w, t), context, hint_features)
    return [conv(w, f'zero_convs.{i}.0', s) for i, s in enumerate(skips)] + [conv(w, 'middle_block_out.0', h)]


def vae_resnet(w, p, x):
    h = conv(w, p + '.conv1', F.silu(gn(w, p + '.norm1', x, 1e-6)))
    h = conv(w, p + '.conv2', F.silu(gn(w, p + '.norm2', h, 1e-6)))
    return h + (conv(w, p + '.nin_shortcut', x) if w.has(p + '.nin_shortcut.weight') else x)


def vae_attention(w, p, x):
    b, c, h, wd = x.shape
    n = gn(w, p + '.norm', x, 1e-6)
    q, k, v = (conv(w, f'{p}.{m}', n).flatten(2).transpose(1, 2) for m in 'qkv')
    y = torch.softmax(q @ k.transpose(1, 2) * c ** -0.5, -1) @ v
    return x + conv(w, p + '.proj_out', y.transpose(1, 2).reshape(b, c, h, wd))


def decode(w, z):
    h = conv(w, 'decoder.conv_in', conv(w, 'post_quant_conv', z / 0.18215))
    h = vae_resnet(w, 'decoder.mid.block_1', h)
    h = vae_resnet(w, 'decoder.mid.block_2', vae_attention(w, 'decoder.mid.attn_1', h))
    for i in (3, 2, 1, 0):
        for j in range(3):
            h = vae_resnet(w, f'decoder.up.{i}.block.{j}', h)
        if i:
            h = conv(w, f'decoder.up.{i}.upsample.conv', F.interpolate(h, scale_factor=2))
    return conv(w, 'decoder.conv_out', F.silu(gn(w, 'decoder.norm_out', h, 1e-6)))


def encode(w, x):
    """[N, 3, H, W] in [-1, 1] to the mean of the posterior, [N, 4, H / 8, W / 8], not yet scaled."""
    h = conv(w, 'encoder.conv_in', x)
    for i in range(4):
        for j in range(2):
            h = vae_resnet(w, f'encoder.down.{i}.block.{j}', h)
        if i < 3:
            h = conv(w, f'encoder.down.{i}.downsample.conv', F.pad(h, (0, 1, 0, 1)), 2, 0)
    h = vae_resnet(w, 'encoder.mid.block_1', h)
    h = vae_resnet(w, 'encoder.mid.block_2', vae_attention(w, 'encoder.mid.attn_1', h))
    h = conv(w, 'encoder.conv_out', F.silu(gn(w, 'encoder.norm_out', h, 1e-6)))
    return conv(w, 'quant_conv', h)[:, :4]


def clip(w, ids):
    """[N, 77] token ids to [N, 77, 768]: the last layer, normalised."""
    n = ids.shape[1]
    x = w['embeddings.token_embedding.weight'][ids] + w['embeddings.position_embedding.weight'][:n]
    mask = torch.full((n, n), float('-inf')).triu(1)
    i = 0
    while w.has(f'encoder.layers.{i}.mlp.fc1.weight'):
        p = f'encoder.layers.{i}'
        y = ln(w, p + '.layer_norm1', x)
        q, k, v = (lin(w, f'{p}.self_attn.{m}_proj', y).view(-1, n, 12, 64).transpose(1, 2) for m in 'qkv')
        a = torch.softmax(q @ k.transpose(-1, -2) * 0.125 + mask, -1) @ v
        x = x + lin(w, p + '.self_attn.out_proj', a.transpose(1, 2).reshape(-1, n, 768))
        y = lin(w, p + '.mlp.fc1', ln(w, p + '.layer_norm2', x))
        x = x + lin(w, p + '.mlp.fc2', y * torch.sigmoid(1.702 * y))
        i += 1
    return ln(w, 'final_layer_norm', x)
