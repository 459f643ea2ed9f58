package search

import (
	"context"
	"fmt"
	"math"

	"autodeeplab/evaluate"
)

// maxWholeNets bounds how many graphs for whole images are kept: sets whose images all have sizes of their own would
// otherwise fill the memory.
const maxWholeNets = 4

// validate gives the mIoU of the supernet on the validation set, or on Options.ValidateImages of it, evenly spread.
func (s *Search) validate(ctx context.Context, progress Progress) (float64, error) {
	o := &s.state.Options
	all := s.data.Validation()
	n := all
	if o.ValidateImages > 0 {
		n = min(n, o.ValidateImages)
	}
	if n == 0 {
		return -1, nil
	}
	confusion := evaluate.NewConfusion(o.Classes)
	var labels []uint8
	for i := range n {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		image, truth, h, w, err := s.data.Whole(i * all / n)
		if err != nil {
			return 0, err
		}
		net, err := s.wholeNet(h, w)
		if err != nil {
			return 0, err
		}
		logits, err := net.Logits(image)
		if err != nil {
			return 0, err
		}
		labels = append(labels[:0], make([]uint8, h*w)...)
		argMax(labels, logits, o.Classes)
		if err := confusion.Add(labels, truth, IgnoreLabel); err != nil {
			return 0, fmt.Errorf("validation image %d: %w", i*all/n, err)
		}
		if progress.Validating != nil {
			progress.Validating(i+1, n)
		}
	}
	miou := confusion.MeanIoU()
	if math.IsNaN(miou) {
		return 0, fmt.Errorf("the labels of the %d validation images have no pixel that counts", n)
	}
	return miou, nil
}

// argMax writes the first of the largest of each pixel's logits [classes, pixels].
func argMax(labels []uint8, logits []float32, classes int) {
	n := len(labels)
	best := append([]float32(nil), logits[:n]...)
	for c := 1; c < classes; c++ {
		for i, v := range logits[c*n:][:n] {
			if v > best[i] {
				best[i], labels[i] = v, uint8(c)
			}
		}
	}
}

// wholeNet gives the graph for whole images of a size.
func (s *Search) wholeNet(h, w int) (*Supernet[float32], error) {
	size := [2]int{h, w}
	if n := s.whole[size]; n != nil {
		return n, nil
	}
	if len(s.whole) >= maxWholeNets {
		for k, n := range s.whole {
			n.Close()
			delete(s.whole, k)
		}
	}
	n, err := NewSupernet(s.params, SupernetOptions{Batch: 1, Height: h, Width: w}, s.pool)
	if err == nil {
		s.whole[size] = n
	}
	return n, err
}
