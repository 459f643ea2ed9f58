package gorgoniaop

import (
	"fmt"

	"autodeeplab/internal/kernel"
)

// Loss is the mean cross-entropy of the softmax of logits that are resized to the labels' size, over the pixels whose
// label is not ignored. A batch without one has loss 0.
type Loss[T kernel.Float] struct {
	ends[T]
	loss    kernel.ResizedLoss[T]
	grad    *piece // of the logits
	aliased bool
}

// Loss adds the loss of the logits of x, resized by taps (nil leaves an axis as it is). It ends the network.
func (n *Net[T]) Loss(l kernel.ResizedLoss[T], x *Feature[T]) error {
	l.Classes, l.N, l.H, l.W = x.C, x.N, x.H, x.W
	if len(l.Weights) != 0 && len(l.Weights) != x.C {
		return fmt.Errorf("%d class weights for %d classes", len(l.Weights), x.C)
	}
	n.add(&Loss[T]{loss: l}, false, 1, 1, 1, x)
	return nil
}

func (s *Loss[T]) String() string { return "Loss" }

func (s *Loss[T]) plan(p *planner[T]) {
	x := s.in[0]
	if !x.learns {
		return
	}
	s.grad = p.hold(x.Size())
	if x.once() && x.grad.whole == nil {
		x.grad.lieIn(s.grad, 0)
		s.aliased = true
	}
}

func (s *Loss[T]) forward(n *Net[T]) error {
	var grad []T
	if s.grad != nil {
		grad = n.slice(s.grad)
	}
	loss, err := s.loss.Run(n.env.Pool, grad, s.in[0].values, n.labels)
	s.out.values[0] = T(loss)
	return err
}

func (s *Loss[T]) backward(n *Net[T]) error {
	x, scale := s.in[0], s.out.grads[0]
	grad := n.slice(s.grad)
	if s.aliased {
		if scale != 1 {
			kernel.ScaleTo(grad, scale, grad)
		}
		return nil
	}
	dx, add := x.gradient()
	if add {
		kernel.Axpy(dx, scale, grad)
	} else {
		kernel.ScaleTo(dx, scale, grad)
	}
	return nil
}
