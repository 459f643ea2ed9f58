package op

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"autodeeplab/onnx/tensor"
)

// Shape arithmetic in a graph is mostly moving of elements: Shape, then Gather, Slice, Concat and the like, then
// Reshape. This file carries contents through such operators: whole (Info.Value), or as far as they are known
// (Info.Shape).

// maxFoldFloats bounds folding of contents that are not integers: the scales and fill values that operators take as
// inputs are short, and longer tensors are weights, which the runtime moves faster.
const maxFoldFloats = 256

// mayFold reports whether n elements of type d are worth computing at inference.
func (c *Call) mayFold(d tensor.DType, n int) bool {
	if d.IsInt() || d == tensor.Bool {
		return n <= c.Limits.MaxFold
	}
	return n <= min(maxFoldFloats, c.Limits.MaxFold)
}

// elements gives the contents of an integer tensor of rank 0 or 1 as dimensions, Named("") for each that is unknown or
// negative; ok is false where not even their number is known, or it is over the limit.
func elements(i *Info, limit int) (dims []Dim, ok bool) {
	n := listLen(i)
	if n < 0 || n > limit {
		return nil, false
	}
	if i.Shape != nil {
		return i.Shape, true
	}
	dims = make([]Dim, n)
	v, known := i.Ints()
	for k := range dims {
		dims[k] = Named("")
		if known && v[k] >= 0 {
			dims[k] = Known(v[k])
		}
	}
	return dims, true
}

// listLen counts the elements of a tensor of rank 0 or 1; −1 where that is not known.
func listLen(i *Info) int {
	switch {
	case !i.HasRank() || i.Rank() > 1:
		return -1
	case i.Rank() == 0:
		return 1
	}
	return i.Dims[0].Size
}

// setContents records the contents of a tensor of rank 0 or 1 whose shape out.Dims already has: as a constant if all
// are known, else as far as they are.
func setContents(out *Info, dims []Dim) {
	exact, some := true, false
	for _, d := range dims {
		exact = exact && d.IsKnown()
		some = some || d.IsKnown() || d.Name != ""
	}
	sizes, ok := out.Sizes()
	switch {
	case !ok || !some && len(dims) > 0:
	case !exact:
		out.Shape = dims
	case out.DType == tensor.Int64:
		out.Value = &tensor.Tensor{DType: tensor.Int64, Shape: sizes, Data: sizesAs[int64](dims)}
	case out.DType == tensor.Int32 && !slices.ContainsFunc(dims, func(d Dim) bool { return d.Size > math.MaxInt32 }):
		out.Value = &tensor.Tensor{DType: tensor.Int32, Shape: sizes, Data: sizesAs[int32](dims)}
	}
}

func sizesAs[T int32 | int64](dims []Dim) []T {
	out := make([]T, len(dims))
	for i, d := range dims {
		out[i] = T(d.Size)
	}
	return out
}

// sameContents carries in's contents to an output that holds the same elements in the same order under the shape that
// out.Dims already has.
func sameContents(out, in *Info) {
	sizes, ok := out.Sizes()
	switch {
	case !ok:
	case in.Value != nil:
		out.Value = &tensor.Tensor{DType: in.Value.DType, Shape: sizes, Data: in.Value.Data}
	case in.Shape != nil && len(sizes) < 2:
		out.Shape = in.Shape
	}
}

// Walk says which element of an input each element of a dense row-major output of the given sizes is: element
// (i0, i1, …) is the input's element Offset + Σ ik·Steps[k]. Steps may be 0 or negative. For Tile, Sizes has two
// entries for each dimension of the output.
type Walk struct {
	Sizes, Steps []int
	Offset       int
}

// NumElems counts the output's elements; the shape rules have made sure that the number does not overflow.
func (w *Walk) NumElems() int {
	n, _ := tensor.NumElems(w.Sizes)
	return n
}

// indices lists the input's elements in the output's order.
func (w *Walk) indices() []int {
	if w.NumElems() == 0 {
		return nil
	}
	out := []int{w.Offset}
	for k, n := range w.Sizes {
		next := make([]int, 0, len(out)*n)
		for _, at := range out {
			for i := range n {
				next = append(next, at+i*w.Steps[k])
			}
		}
		out = next
	}
	return out
}

// rowMajor gives how many elements apart neighbours along each axis of a dense tensor lie.
func rowMajor(sizes []int) []int {
	steps := make([]int, len(sizes))
	n := 1
	for k := len(sizes) - 1; k >= 0; k-- {
		steps[k] = n
		n *= sizes[k]
	}
	return steps
}

// carry computes out's contents, whose shape is known, from in's where those are known. walk is called only then.
func (c *Call) carry(out, in *Info, walk func() (Walk, error)) error {
	sizes, ok := out.Sizes()
	if !ok || in.Value == nil && in.Shape == nil {
		return nil
	}
	n, err := tensor.NumElems(sizes)
	if err != nil || !c.mayFold(in.DType, n) || in.Value == nil && len(sizes) > 1 {
		return nil // what is too large is refused by Infer's check of the output
	}
	w, err := walk()
	if errors.Is(err, errUnknown) {
		return nil // a shape may be known without all that it was asked by
	}
	if err != nil {
		return err
	}
	c.carryIndices(out, in, w.indices())
	return nil
}

// carryIndices is carry for a list of the input's elements.
func (c *Call) carryIndices(out, in *Info, indices []int) {
	sizes, _ := out.Sizes()
	if in.Value != nil {
		out.Value = take(in.Value, sizes, indices)
		return
	}
	dims := make([]Dim, len(indices))
	for k, at := range indices {
		dims[k] = in.Shape[at]
	}
	setContents(out, dims)
}

// take makes a tensor of the listed elements of t.
func take(t *tensor.Tensor, shape, indices []int) *tensor.Tensor {
	out := &tensor.Tensor{DType: t.DType, Shape: shape}
	switch d := t.Data.(type) {
	case []float32:
		out.Data = pick(d, indices)
	case []float64:
		out.Data = pick(d, indices)
	case []int8:
		out.Data = pick(d, indices)
	case []int16:
		out.Data = pick(d, indices)
	case []int32:
		out.Data = pick(d, indices)
	case []int64:
		out.Data = pick(d, indices)
	case []uint8:
		out.Data = pick(d, indices)
	case []uint16:
		out.Data = pick(d, indices)
	case []uint32:
		out.Data = pick(d, indices)
	case []uint64:
		out.Data = pick(d, indices)
	case []bool:
		out.Data = pick(d, indices)
	case []string:
		out.Data = pick(d, indices)
	case []tensor.F16:
		out.Data = pick(d, indices)
	case []tensor.BF16:
		out.Data = pick(d, indices)
	}
	return out
}

func pick[T any](s []T, indices []int) []T {
	out := make([]T, len(indices))
	for k, at := range indices {
		out[k] = s[at]
	}
	return out
}

// intList is a list of integers that some versions of an operator take as an attribute and others as an input.
type intList struct {
	what  string // for errors: `attribute "axes"` or `input "axes"`
	given bool
	known bool  // v holds the contents (also if not given)
	v     []int // nil if not given
	n     int   // how many there are, −1 where that is not known
	info  *Info // the input
}

// intList finds the input or attribute of that name. It is an error for an input that is no list.
func (c *Call) intList(name string) (intList, error) {
	for i, p := range c.Schema.Inputs {
		if p.Name != name {
			continue
		}
		l := intList{what: fmt.Sprintf("input %q", name), info: c.Input(i)}
		switch {
		case l.info == nil:
			l.known = true
			return l, nil
		case l.info.HasRank() && l.info.Rank() > 1:
			return l, fmt.Errorf("%s is %s, want 1 dimension", l.what, l.info)
		}
		l.given, l.n = true, listLen(l.info)
		l.v, l.known = l.info.Ints()
		return l, nil
	}
	l := intList{what: fmt.Sprintf("attribute %q", name), known: true, given: c.Attrs.Has(name)}
	l.v = c.Attrs.Ints(name)
	l.n = len(l.v)
	return l, nil
}

// normalAxes brings a list of axes to [0, rank), and refuses one that stands twice.
func normalAxes(what string, axes []int, rank int) ([]int, error) {
	out := make([]int, len(axes))
	seen := make([]bool, rank)
	for i, a := range axes {
		k, err := normalAxis(what, a, rank)
		if err != nil {
			return nil, err
		}
		if seen[k] {
			return nil, fmt.Errorf("%s is %v, which names axis %d twice", what, axes, k)
		}
		seen[k] = true
		out[i] = k
	}
	return out, nil
}

// shapeInput reads input i, a list that is a shape or one number for each axis: its elements as far as they are known,
// and exactly if they all are (with negative ones, which elements lack). ok is false where not even the rank that it
// gives is known.
func (c *Call) shapeInput(i int) (list []Dim, exact []int, ok bool, err error) {
	in := c.In[i]
	if in.HasRank() && in.Rank() != 1 {
		return nil, nil, false, fmt.Errorf("input %q is %s, want 1 dimension", c.InputName(i), in)
	}
	if in.HasRank() && in.Dims[0].Size > c.Limits.MaxDims {
		return nil, nil, false, fmt.Errorf("%w: input %q is %s, at most %d dimensions are allowed (--limit dimensions)", ErrLimit, c.InputName(i), in, c.Limits.MaxDims)
	}
	list, ok = elements(in, c.Limits.MaxDims)
	if ok {
		exact, _ = in.Ints()
	}
	return list, exact, ok, nil
}

// unknownDims makes n anonymous dimensions.
func unknownDims(n int) []Dim {
	out := make([]Dim, n)
	for i := range out {
		out[i] = Named("")
	}
	return out
}

// product multiplies dimensions: one that is unknown keeps its name if the others are 1.
func product(dims []Dim) (Dim, error) {
	p, open, unknown := 1, Dim{}, 0
	for _, d := range dims {
		if d.Size == 0 {
			return Known(0), nil
		}
	}
	for _, d := range dims {
		switch {
		case !d.IsKnown():
			open, unknown = d, unknown+1
		case p > math.MaxInt/d.Size:
			return Dim{}, fmt.Errorf("%w: the product of dimensions %v does not fit an int", ErrLimit, dims)
		default:
			p *= d.Size
		}
	}
	switch {
	case unknown == 0:
		return Known(p), nil
	case unknown == 1 && p == 1:
		return open, nil
	}
	return Named(""), nil
}

// errUnknown is what the Walk functions say if they are called too early: shape and contents of the inputs are to be
// known.
var errUnknown = errors.New("dimensions or contents of an input are not known")
