#!/usr/bin/env python3
"""Times training steps of PyTorch on request, in the words of torch_server.py, with one case, `train`: a ControlNet of
Stable Diffusion 1.5 size before a frozen UNet, float32, as cldm.py has it: forward, backward, AdamW.

  torch_train.py [--threads 2] [--tuned]

--tuned is channels-last; the memory and BLAS settings that go with it are environment variables, set by whoever starts
this. With "recompute" the inside of every residual and transformer block is computed again in backward, as the
reference's use_checkpoint has it.
"""
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

import networks
import sd15_torch as sd
import timing_server


def recomputed(f):
    return lambda *a: checkpoint(f, *a, use_reentrant=False)


class Step:
    """One step on one batch; the same noise as ours, so that the losses can be compared."""

    def __init__(self, c, tuned):
        layout = torch.channels_last if tuned else torch.contiguous_format
        size, batch = c['size'], c['batch']
        self.unet = networks.weights('unet', c['model'], None, tuned)
        self.net = networks.weights('control', None, c['control'], tuned)
        for k, v in self.net.t.items():
            self.net.t[k] = v.requires_grad_()
        self.optimizer = torch.optim.AdamW(self.net.t.values(), lr=1e-5)
        s = size // 8
        self.x, self.target = (networks.noise(i, batch, 4, s, s).contiguous(memory_format=layout) for i in (1, 5))
        self.hint = ((networks.noise(4, batch, 3, size, size) + 2) / 4).contiguous(memory_format=layout)
        self.t, self.context = torch.full((batch,), 501.0), networks.noise(2, batch, 77, 768)
        sd.resnet, sd.transformer = (
            (recomputed(RESNET), recomputed(TRANSFORMER)) if c['recompute'] else (RESNET, TRANSFORMER))

    def __call__(self):
        hint = sd.encode_hint(self.net, self.hint)
        control = sd.control_net(self.net, self.x, hint, self.t, self.context)
        loss = F.mse_loss(sd.unet(self.unet, self.x, self.t, self.context, control), self.target)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return float(loss)


RESNET, TRANSFORMER = sd.resnet, sd.transformer


def main():
    a = timing_server.arguments()
    torch.set_num_threads(a.threads)

    def make(case):
        step = Step(case, a.tuned)
        return step, {'loss': step()}

    timing_server.serve(f'PyTorch {torch.__version__}', make)


if __name__ == '__main__':
    main()
