package op

import (
	"fmt"
	"math"
)

// sliceRules covers the operator that cuts ranges with steps out of some axes.
var sliceRules = map[string]Rule{"Slice": slice}

// slicing are the parameters of Slice: attributes before opset 10, inputs since.
type slicing struct {
	starts, ends, axes, steps intList
}

func newSlicing(c *Call) (s slicing, err error) {
	for _, p := range []struct {
		name string
		list *intList
	}{{"starts", &s.starts}, {"ends", &s.ends}, {"axes", &s.axes}, {"steps", &s.steps}} {
		if *p.list, err = c.intList(p.name); err != nil {
			return s, err
		}
	}
	first := s.starts
	for _, l := range []intList{s.ends, s.axes, s.steps} {
		switch {
		case !l.given || l.n < 0:
		case first.n < 0:
			first = l
		case l.n != first.n:
			return s, fmt.Errorf("%s has %d elements, but %s has %d", l.what, l.n, first.what, first.n)
		}
	}
	return s, nil
}

// which gives the sliced axes; ok is false where they are not known.
func (s *slicing) which(rank int) (axes []int, ok bool, err error) {
	if s.axes.given {
		if !s.axes.known {
			return nil, false, nil
		}
		axes, err = normalAxes(s.axes.what, s.axes.v, rank)
		return axes, err == nil, err
	}
	n := max(s.starts.n, s.ends.n)
	if n < 0 {
		return nil, false, nil
	}
	if n > rank {
		return nil, false, fmt.Errorf("%s has %d elements for an input of %d dimensions", s.starts.what, n, rank)
	}
	axes = make([]int, n)
	for k := range axes {
		axes[k] = k
	}
	return axes, true, nil
}

// step gives the step along the k-th sliced axis; ok is false where it is not known.
func (s *slicing) step(k int) (step int, ok bool, err error) {
	if !s.steps.given {
		return 1, true, nil
	}
	if !s.steps.known {
		return 0, false, nil
	}
	if step = s.steps.v[k]; step == 0 {
		return 0, false, fmt.Errorf("%s is %v, want steps other than 0", s.steps.what, s.steps.v)
	}
	return max(step, -math.MaxInt), true, nil // so that −step does not overflow
}

// sliceRange clamps a range to an axis of n, as ONNX wants it: how many elements it has, and which is the first.
// step is neither 0 nor MinInt. Clamping comes before any subtraction, so that the extremes of int64, which exporters
// write for "to the end", do not overflow; start and end only grow by n where they are negative. Going backwards, the end
// may be −1, one before the first element: ONNX's text clamps there, where NumPy would count it from the end.
func sliceRange(n, start, end, step int) (first, count int) {
	if start < 0 {
		start += n
	}
	if end < 0 {
		end += n
	}
	if step > 0 {
		start, end = min(max(start, 0), n), min(max(end, 0), n)
		if start >= end {
			return 0, 0
		}
		return start, (end-start-1)/step + 1
	}
	start, end = min(max(start, 0), n-1), min(max(end, -1), n-1)
	if start <= end {
		return 0, 0
	}
	return start, (start-end-1)/-step + 1
}

// slice keeps the name of a dimension that it takes whole, and otherwise knows only sizes that do not depend on what the
// run will bring: which axes are cut, and how much is left of those whose size and range are known.
func slice(c *Call) error {
	s, err := newSlicing(c)
	if err != nil {
		return err
	}
	x := c.In[0]
	if !x.HasRank() {
		return nil
	}
	axes, ok, err := s.which(x.Rank())
	if err != nil {
		return err
	}
	if !ok {
		c.Out[0].Dims = unknownDims(x.Rank())
		return nil
	}
	c.Out[0].Dims = SameDims(x)
	for k, axis := range axes {
		if c.Out[0].Dims[axis], err = s.dim(k, x.Dims[axis]); err != nil {
			return err
		}
	}
	return c.carry(&c.Out[0], x, func() (Walk, error) { return SliceWalk(c) })
}

// dim is the size of the k-th sliced axis, which is d in the input.
func (s *slicing) dim(k int, d Dim) (Dim, error) {
	step, ok, err := s.step(k)
	if err != nil || !ok {
		return Named(""), err
	}
	if s.starts.known && s.ends.known && d.IsKnown() {
		_, n := sliceRange(d.Size, s.starts.v[k], s.ends.v[k], step)
		return Known(n), nil
	}
	if s.whole(k, d, step) {
		return d, nil
	}
	return Named(""), nil
}

// whole reports whether the k-th range takes all of an axis whose size may not be known: from the first element to one
// past the greatest index that an exporter could mean, or to the size itself; or all of it backwards.
func (s *slicing) whole(k int, d Dim, step int) bool {
	if !s.starts.known {
		return false
	}
	start := s.starts.v[k]
	switch {
	case step == 1 && start == 0 && s.ends.known:
		return s.ends.v[k] >= math.MaxInt32
	case step == 1 && start == 0 && !d.IsKnown() && d.Name != "":
		e, ok := elements(s.ends.info, math.MaxInt32)
		return ok && e[k] == d
	case step == -1 && start == -1 && s.ends.known:
		return s.ends.v[k] <= -math.MaxInt32
	}
	return false
}

// SliceWalk says where the output of Slice lies in its input. Dimensions and contents of the inputs must be known.
func SliceWalk(c *Call) (Walk, error) {
	s, err := newSlicing(c)
	if err != nil {
		return Walk{}, err
	}
	shape, ok := c.In[0].Sizes()
	if !ok || !s.starts.known || !s.ends.known || !s.axes.known || !s.steps.known {
		return Walk{}, errUnknown
	}
	axes, _, err := s.which(len(shape))
	if err != nil {
		return Walk{}, err
	}
	w := Walk{Sizes: shape, Steps: rowMajor(shape)}
	for k, axis := range axes {
		step, _, err := s.step(k)
		if err != nil {
			return Walk{}, err
		}
		first, n := sliceRange(shape[axis], s.starts.v[k], s.ends.v[k], step)
		w.Sizes[axis] = n
		w.Offset += first * w.Steps[axis]
		if n > 1 { // a longer step than the axis must not overflow
			w.Steps[axis] *= step
		}
	}
	return w, nil
}
