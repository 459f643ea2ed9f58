"""Writes sgd.json: what PyTorch's SGD makes of weights that follow a few gradients (python3 sgd.py > sgd.json)."""
import json
import torch

torch.manual_seed(5)
cases = []
for momentum, decay, nesterov, factor in [(0.9, 4e-5, False, 1.0), (0.9, 1e-2, True, 0.25), (0.0, 0.0, False, 1.0), (0.8, 0.0, True, 1.0)]:
    w = torch.randn(37, dtype=torch.float64)
    p = torch.nn.Parameter(w.clone())
    o = torch.optim.SGD([p], lr=1.0, momentum=momentum, weight_decay=decay, nesterov=nesterov)
    steps = []
    for rate in [0.1, 0.03, 0.2]:
        g = torch.randn(37, dtype=torch.float64)
        p.grad = g * factor
        o.param_groups[0]["lr"] = rate
        o.step()
        steps.append({"rate": rate, "gradient": g.tolist(), "weights": p.detach().tolist()})
    cases.append({"momentum": momentum, "decay": decay, "nesterov": nesterov, "factor": factor, "weights": w.tolist(), "steps": steps})
print(json.dumps(cases))
