package gorgoniaop

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// Labels are the true classes of a batch, one a pixel in the order of the logits' pixels [N, H, W]. The owner of the
// graph changes them between runs.
type Labels struct {
	Classes []uint8
	Ignore  uint8 // the label of pixels that do not count
	Counted int   // pixels that did count at the last run
}

// CrossEntropy adds the mean cross-entropy of the softmax of logits [classes, N, H, W] to the graph, a scalar. A batch
// without a pixel that counts has loss 0.
func CrossEntropy[T kernel.Float](env *Env[T], labels *Labels, logits *gorgonia.Node) (*gorgonia.Node, error) {
	return apply(env, &crossEntropy[T]{env: env, labels: labels}, nil, logits)
}

type crossEntropy[T kernel.Float] struct {
	env             *Env[T]
	labels          *Labels
	classes, pixels int
}

func (c *crossEntropy[T]) String() string { return "CrossEntropy" }

func (c *crossEntropy[T]) infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || in[0].Dims() != 4 {
		return nil, fmt.Errorf("inputs %v, want logits [classes, N, H, W]", in)
	}
	c.classes = in[0][0]
	c.pixels = in[0].TotalSize() / c.classes
	return tensor.ScalarShape(), nil
}

func (c *crossEntropy[T]) forward(in [][]T, out []T) error {
	if len(c.labels.Classes) != c.pixels {
		return fmt.Errorf("%d labels for %d pixels", len(c.labels.Classes), c.pixels)
	}
	loss, count, err := kernel.CrossEntropy(c.env.Pool, in[0], c.labels.Classes, c.classes, c.pixels, c.labels.Ignore)
	if err != nil {
		return err
	}
	out[0], c.labels.Counted = T(loss), count
	return nil
}

func (c *crossEntropy[T]) backward(in [][]T, out, dout []T, din [][]T) error {
	if c.labels.Counted == 0 {
		clear(din[0])
		return nil
	}
	kernel.CrossEntropyGrad(c.env.Pool, din[0], in[0], c.labels.Classes, c.classes, c.pixels, c.labels.Ignore, dout[0], c.labels.Counted)
	return nil
}
