package op

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// Dim is one dimension as shape inference sees it: a known Size (≥ 0), or Size = Unknown with a Name where the model
// gives one. Two unknown dimensions are known to be equal only if both carry the same non-empty name.
type Dim struct {
	Size int
	Name string
}

// Unknown is the Size of a dimension that is not known.
const Unknown = -1

// Known makes a dimension of known size.
func Known(n int) Dim { return Dim{Size: n} }

// Named makes a dimension of unknown size that the model calls name; "" is an anonymous one.
func Named(name string) Dim { return Dim{Size: Unknown, Name: name} }

// IsKnown reports whether the size is known.
func (d Dim) IsKnown() bool { return d.Size >= 0 }

// String writes the size, the name, or "?".
func (d Dim) String() string {
	switch {
	case d.IsKnown():
		return fmt.Sprint(d.Size)
	case d.Name != "":
		return d.Name
	}
	return "?"
}

// Info is all that is known of one value (tensor) of a graph.
type Info struct {
	DType tensor.DType // Undefined where not known
	// Dims is nil where the rank is not known, and empty but not nil for a scalar.
	Dims []Dim
	// Value holds the contents where they are constant (an initializer, a Constant, or folded from those).
	Value *tensor.Tensor
	// Shape holds the contents of an integer tensor of rank 0 or 1 that is made by shape arithmetic and is only partly
	// known (Shape, Gather, Slice, Concat, Add … of dimensions). Read contents through Ints, which covers both.
	Shape []Dim
}

// Const describes a tensor whose contents are known.
func Const(t *tensor.Tensor) Info {
	dims := make([]Dim, len(t.Shape))
	for i, n := range t.Shape {
		dims[i] = Known(n)
	}
	return Info{DType: t.DType, Dims: dims, Value: t}
}

// Of describes a tensor of known type and shape, with unknown contents.
func Of(d tensor.DType, shape ...int) Info {
	dims := make([]Dim, len(shape))
	for i, n := range shape {
		dims[i] = Known(n)
	}
	return Info{DType: d, Dims: dims}
}

// HasRank reports whether the rank is known.
func (i *Info) HasRank() bool { return i.Dims != nil }

// Rank is the number of dimensions; call it only where HasRank.
func (i *Info) Rank() int { return len(i.Dims) }

// Sizes gives the shape if every dimension is known.
func (i *Info) Sizes() ([]int, bool) {
	if i.Dims == nil {
		return nil, false
	}
	out := make([]int, len(i.Dims))
	for k, d := range i.Dims {
		if !d.IsKnown() {
			return nil, false
		}
		out[k] = d.Size
	}
	return out, true
}

// Ints gives the contents of an integer tensor if all of them are known.
func (i *Info) Ints() ([]int, bool) {
	if i == nil {
		return nil, false
	}
	if i.Value != nil {
		v, err := i.Value.Ints()
		return v, err == nil
	}
	if i.Shape == nil {
		return nil, false
	}
	out := make([]int, len(i.Shape))
	for k, d := range i.Shape {
		if !d.IsKnown() {
			return nil, false
		}
		out[k] = d.Size
	}
	return out, true
}

// PartialInts gives the contents of an integer tensor of rank 0 or 1 as far as they are known, as dimensions; ok is
// false where nothing is known, or a constant holds a negative number (which a Dim cannot carry: use Ints).
func (i *Info) PartialInts() (dims []Dim, ok bool) {
	if i == nil || len(i.Dims) > 1 {
		return nil, false
	}
	if i.Shape != nil {
		return i.Shape, true
	}
	v, ok := i.Ints()
	if !ok {
		return nil, false
	}
	for _, x := range v {
		if x < 0 {
			return nil, false
		}
		dims = append(dims, Known(x))
	}
	return dims, true
}

// String writes type and shape as "float[1,3,H,W]"; "float[…]" where the rank is not known.
func (i *Info) String() string {
	if i == nil {
		return "<none>"
	}
	if i.Dims == nil {
		return i.DType.String() + "[…]"
	}
	b := []byte(i.DType.String() + "[")
	for k, d := range i.Dims {
		if k > 0 {
			b = append(b, ',')
		}
		if k == shownDims {
			b = fmt.Appendf(b, "… %d in all", len(i.Dims))
			break
		}
		b = append(b, d.String()...)
	}
	return string(append(b, ']'))
}

// shownDims is how many dimensions of a tensor a message lists; no operator works on more.
const shownDims = 16

// Call is one node at inference: its schema, its attributes, what is known of its inputs (nil where an optional input
// is left out; trailing ones may be missing altogether), and the outputs to fill in. Before a shape rule runs, Infer
// has checked the number of inputs and the types, and has filled each Out[i].DType that follows from a type variable.
type Call struct {
	Schema *Schema
	Opset  int
	Attrs  Attributes
	In     []*Info
	Out    []Info
	Limits *Limits
}

// Limits bounds what a shape rule may produce.
type Limits struct {
	// MaxElems is the largest number of elements of any one tensor.
	MaxElems int
	// MaxFold is the largest number of elements of a tensor whose contents a rule computes (constant folding of
	// Constant, Range, ConstantOfShape and shape arithmetic).
	MaxFold int
	// MaxDims is the highest rank.
	MaxDims int
	// MaxMemory is how many bytes all tensors of one run of a model may take together, weights apart; 0 is that of
	// DefaultLimits. No shape rule heeds it, but the engine that runs the model.
	MaxMemory int
}

// DefaultLimits are wide enough for a 4096×8192 input with 150 classes and refuse what would not fit most machines.
var DefaultLimits = Limits{MaxElems: 1 << 33, MaxFold: 1 << 16, MaxDims: 16, MaxMemory: 1 << 34}

// ErrLimit is wrapped by every error that refuses a tensor as too large.
var ErrLimit = errors.New("over the limit")

// Has reports whether input i is present.
func (c *Call) Has(i int) bool { return i < len(c.In) && c.In[i] != nil }

// Input gives input i, or nil if it is left out.
func (c *Call) Input(i int) *Info {
	if i < len(c.In) {
		return c.In[i]
	}
	return nil
}

// InputName gives the schema's name of input i for error texts.
func (c *Call) InputName(i int) string {
	p, _ := c.Schema.Input(i)
	return p.Name
}

// Rule computes the outputs of a call: element types where no type variable gives them, dimensions, and contents where
// they follow from the inputs. It returns an error for inputs or attributes that the operator does not allow, saying
// what would be allowed; for what is merely unknown it leaves Dims nil or a Dim unknown.
type Rule func(c *Call) error

// Infer checks a node's inputs and attributes against its schema and runs its shape rule. Errors do not name the node;
// the caller does. Nothing in c but Out is changed.
func Infer(c *Call) error {
	if err := checkArity(c); err != nil {
		return err
	}
	if err := bindTypes(c); err != nil {
		return err
	}
	rule, ok := rules[c.Schema.Name]
	if !ok {
		return fmt.Errorf("%w %s: it has no shape rule", ErrUnknownOp, c.Schema.Name)
	}
	if err := rule(c); err != nil {
		return err
	}
	for i := range c.Out {
		if err := c.checkOut(i); err != nil {
			return err
		}
	}
	return nil
}

func checkArity(c *Call) error {
	s := c.Schema
	if n := len(c.In); n < s.MinInputs || n > s.MaxInputs {
		return fmt.Errorf("%d inputs, want %s", n, span(s.MinInputs, s.MaxInputs))
	}
	if n := len(c.Out); n < s.MinOutputs || n > s.MaxOutputs {
		return fmt.Errorf("%d outputs, want %s", n, span(s.MinOutputs, s.MaxOutputs))
	}
	for i, in := range c.In {
		p, _ := s.Input(i)
		if in == nil && p.Option != Optional {
			return fmt.Errorf("input %q is left out, but is not optional", p.Name)
		}
	}
	return nil
}

func span(lo, hi int) string {
	switch {
	case lo == hi:
		return fmt.Sprint(lo)
	case hi >= math.MaxInt32:
		return fmt.Sprintf("%d or more", lo)
	}
	return fmt.Sprintf("%d to %d", lo, hi)
}

// bindTypes checks each input's element type, binds the type variables, and gives the outputs the types that follow.
func bindTypes(c *Call) error {
	bound := make(map[string]tensor.DType)
	for i, in := range c.In {
		if in == nil || in.DType == tensor.Undefined {
			continue
		}
		p, _ := c.Schema.Input(i)
		if !p.Types.Has(in.DType) {
			return fmt.Errorf("input %q is of type %s, want one of %s", p.Name, in.DType, p.Types)
		}
		if p.Mixed {
			continue
		}
		if was, ok := bound[p.TypeVar]; ok && was != in.DType {
			return fmt.Errorf("input %q is of type %s, but another input of the same type %s is %s", p.Name, in.DType, p.TypeVar, was)
		}
		bound[p.TypeVar] = in.DType
	}
	for i := range c.Out {
		p, _ := c.Schema.Output(i)
		if d, ok := bound[p.TypeVar]; ok && !p.Mixed {
			c.Out[i].DType = d
		} else if d, ok := only(p.Types); ok {
			c.Out[i].DType = d
		}
	}
	return nil
}

// only gives the single member of a set.
func only(s TypeSet) (tensor.DType, bool) {
	for d := tensor.DType(0); d < 32; d++ {
		if s == 1<<uint(d) {
			return d, true
		}
	}
	return 0, false
}

func (c *Call) checkOut(i int) error {
	out := &c.Out[i]
	if len(out.Dims) > c.Limits.MaxDims {
		return fmt.Errorf("%w: output %d has %d dimensions, at most %d are allowed (--limit dimensions)", ErrLimit, i, len(out.Dims), c.Limits.MaxDims)
	}
	n := 1
	for k, d := range out.Dims {
		switch {
		case d.Size < Unknown:
			return fmt.Errorf("output %d would have dimension %d of size %d", i, k, d.Size)
		case !d.IsKnown() || d.Size == 0:
			continue
		case n > c.Limits.MaxElems/d.Size:
			return fmt.Errorf("%w: output %d of shape %s has more than %d elements (--limit tensor-elements)", ErrLimit, i, out, c.Limits.MaxElems)
		}
		n *= d.Size
	}
	return nil
}

// rules joins the tables of the family files.
var rules = func() map[string]Rule {
	all := make(map[string]Rule)
	for _, family := range families {
		for name, r := range family {
			if _, twice := all[name]; twice {
				panic("op: two shape rules for " + name)
			}
			all[name] = r
		}
	}
	return all
}()

// SameDims is the shape rule's helper for outputs shaped like an input.
func SameDims(i *Info) []Dim {
	if i == nil || i.Dims == nil {
		return nil
	}
	return slices.Clone(i.Dims)
}

// Resolve makes the Call for a node: looks its schema up and parses its attributes. In is what is known of the node's
// inputs in order, nil for each that is left out.
func Resolve(n *onnx.Node, opset int, in []*Info, limits *Limits) (*Call, error) {
	s, err := Lookup(n.GetDomain(), n.GetOpType(), opset)
	if err != nil {
		return nil, err
	}
	attrs, err := ParseAttributes(s, n)
	if err != nil {
		return nil, err
	}
	return &Call{Schema: s, Opset: opset, Attrs: attrs, In: in, Out: make([]Info, len(n.GetOutput())), Limits: limits}, nil
}
