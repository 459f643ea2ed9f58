package op

import (
	"fmt"
	"math"
	"reflect"

	"autodeeplab/onnx/tensor"
)

// concatRules covers the operator that joins tensors along an axis.
var concatRules = map[string]Rule{"Concat": concat}

// concat adds up the dimensions along the axis; in all others each input tells what it knows of the common size.
func concat(c *Call) error {
	rank := -1
	for i, in := range c.In {
		switch {
		case !in.HasRank():
		case rank < 0:
			rank = in.Rank()
		case in.Rank() != rank:
			return fmt.Errorf("input #%d is %s, want %d dimensions as the inputs before it", i, in, rank)
		}
	}
	if rank < 0 {
		return nil
	}
	axis, err := normalAxis("attribute \"axis\"", c.Attrs.Int("axis"), rank)
	if err != nil {
		return err
	}
	dims := unknownDims(rank)
	total := Known(0)
	for i, in := range c.In {
		if !in.HasRank() {
			total = Named("")
			continue
		}
		for k, d := range in.Dims {
			if k == axis {
				if total, err = total.plus(d); err != nil {
					return err
				}
				continue
			}
			both, ok := dimsAgree(dims[k], d)
			if !ok {
				return fmt.Errorf("input #%d is %s, want dimension %d to be %s as in the inputs before it", i, in, k, dims[k])
			}
			dims[k] = both
		}
	}
	dims[axis] = total
	c.Out[0].Dims = dims
	concatContents(c, axis)
	return nil
}

// plus adds dimensions; adding 0 keeps a name.
func (d Dim) plus(e Dim) (Dim, error) {
	switch {
	case d.Size == 0:
		return e, nil
	case e.Size == 0:
		return d, nil
	case !d.IsKnown() || !e.IsKnown():
		return Named(""), nil
	case d.Size > math.MaxInt-e.Size:
		return d, fmt.Errorf("%w: a dimension of %d + %d", ErrLimit, d.Size, e.Size)
	}
	return Known(d.Size + e.Size), nil
}

// concatContents joins the inputs' contents: all of them if they are constants, else those of lists as far as they are
// known.
func concatContents(c *Call, axis int) {
	out := &c.Out[0]
	sizes, ok := out.Sizes()
	if !ok {
		return
	}
	if n, err := tensor.NumElems(sizes); err != nil || !c.mayFold(out.DType, n) {
		return
	}
	// Negative constants, such as the −1 of a new shape, survive only here; in a list that is partly known they become
	// unknown.
	values := make([]*tensor.Tensor, len(c.In))
	constant := true
	for i, in := range c.In {
		values[i] = in.Value
		constant = constant && in.Value != nil
	}
	if constant {
		out.Value = joined(values, sizes, axis)
		return
	}
	if len(sizes) != 1 {
		return
	}
	var list []Dim
	for _, in := range c.In {
		e, ok := elements(in, sizes[0])
		if !ok {
			return
		}
		list = append(list, e...)
	}
	setContents(out, list)
}

// joined concatenates constants of one type.
func joined(values []*tensor.Tensor, shape []int, axis int) *tensor.Tensor {
	out, err := tensor.New(values[0].DType, shape)
	if err != nil {
		return nil
	}
	inner := 1
	for _, d := range shape[axis+1:] {
		inner *= d
	}
	dst, at := reflect.ValueOf(out.Data), 0
	for _, v := range values {
		src, run := reflect.ValueOf(v.Data), v.Shape[axis]*inner
		for lo, to := 0, at; lo < src.Len(); lo, to = lo+run, to+shape[axis]*inner {
			reflect.Copy(dst.Slice(to, to+run), src.Slice(lo, lo+run))
		}
		at += run
	}
	return out
}
