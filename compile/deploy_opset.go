package compile

import (
	"fmt"
	"reflect"
	"slices"

	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// convertOpset brings a model's nodes from the operator set that it imports to another, in place. Most operators only
// gained types and attributes: an attribute that one side does not know is left away where it has the value that is
// meant without it, and a default that changed is written out. The rest is in conversions. The result is checked
// against the schemas of the new set; the error, which wraps ErrOptions, names the node.
func convertOpset(m *onnx.Model, to int) error {
	from := onnx.Opset(m)
	r, err := pass.Infer(m)
	if err != nil {
		return err
	}
	c := &opsetConverter{m: m, from: from, to: to, values: r, constants: make(map[string]bool)}
	for i, n := range m.Graph.Node {
		if err := c.node(n); err != nil {
			return &check.NodeError{Index: i, Name: n.GetName(), Op: n.GetOpType(), Err: optionError("%v; the model is of opset %d (%s)", err, from, flagOpset)}
		}
	}
	m.OpsetImport = slices.Clone(m.OpsetImport)
	for i, id := range m.OpsetImport {
		if d := id.GetDomain(); d == "" || d == "ai.onnx" {
			m.OpsetImport[i] = &onnx.OpsetID{Domain: id.GetDomain(), Version: int64(to)}
		}
	}
	if _, err := pass.Infer(m); err != nil {
		return optionError("the model cannot be written in opset %d, it is of opset %d: %v (%s)", to, from, err, flagOpset)
	}
	return nil
}

type opsetConverter struct {
	m         *onnx.Model
	from, to  int
	values    *check.Result
	constants map[string]bool // that it added
}

// conversion changes a node of an operator whose form or meaning changed at an opset; up when going there, down when
// coming from it.
type conversion struct {
	op string
	at int
	// up and down change the node; nil means that it cannot be done.
	up, down func(c *opsetConverter, n *onnx.Node) error
}

// conversions in the order of the opsets.
var conversions = []conversion{
	{op: "Slice", at: 10},
	{op: "TopK", at: 10},
	{op: "TopK", at: 11, up: unchanged},
	{op: "Clip", at: 11, up: clipBounds},
	{op: "Pad", at: 11},
	{op: "Resize", at: 11, up: resizeFrom10},
	{op: "Dropout", at: 12, up: dropoutAlone, down: dropoutAlone},
	{op: "Softmax", at: 13, up: lastAxisOnly, down: lastAxisOnly},
	{op: "LogSoftmax", at: 13, up: lastAxisOnly, down: lastAxisOnly},
	{op: "Resize", at: 13, up: unchanged, down: emptyRoi},
	{op: "Squeeze", at: 13, up: toInput("axes"), down: toAttribute("axes")},
	{op: "Unsqueeze", at: 13, up: toInput("axes"), down: toAttribute("axes")},
	{op: "ReduceSum", at: 13, up: toInput("axes"), down: toAttribute("axes")},
	{op: "Split", at: 13, up: toInput("split"), down: toAttribute("split")},
	{op: "ReduceMean", at: 18, up: toInput("axes"), down: toAttribute("axes")},
	{op: "ReduceMax", at: 18, up: toInput("axes"), down: toAttribute("axes")},
	{op: "ReduceMin", at: 18, up: toInput("axes"), down: toAttribute("axes")},
}

// node converts one node.
func (c *opsetConverter) node(n *onnx.Node) error {
	old, err := op.Lookup(n.GetDomain(), n.GetOpType(), c.from)
	if err != nil {
		return err
	}
	now, err := op.Lookup(n.GetDomain(), n.GetOpType(), c.to)
	if err != nil {
		return err
	}
	if old == now {
		return nil
	}
	values, err := op.ParseAttributes(old, n)
	if err != nil {
		return err
	}
	steps := slices.Clone(conversions)
	if c.to < c.from {
		slices.Reverse(steps)
	}
	for _, s := range steps {
		if s.op != n.GetOpType() || s.at <= min(c.from, c.to) || s.at > max(c.from, c.to) {
			continue
		}
		f, way := s.up, "up"
		if c.to < c.from {
			f, way = s.down, "down"
		}
		if f == nil {
			return fmt.Errorf("%s changed at opset %d, and is not brought %s across it", n.GetOpType(), s.at, way)
		}
		if err := f(c, n); err != nil {
			return err
		}
	}
	return adaptAttributes(n, old, now, values)
}

// adaptAttributes leaves attributes away that now does not know, where they have the value that old has without them,
// and writes those out whose default is another now.
//
// values are n's attributes before any conversion.
func adaptAttributes(n *onnx.Node, old, now *op.Schema, values op.Attributes) error {
	var kept []*onnx.Attribute
	for _, a := range n.GetAttribute() {
		formal, known := old.Attr(a.GetName())
		if _, still := now.Attr(a.GetName()); still || !known {
			kept = append(kept, a)
			continue
		}
		if formal.Default == nil || !reflect.DeepEqual(values[a.GetName()], formal.Default) {
			return fmt.Errorf("attribute %q is not known to %s of opset %d", a.GetName(), n.GetOpType(), now.Since)
		}
	}
	n.Attribute = kept
	for _, formal := range old.Attrs {
		other, ok := now.Attr(formal.Name)
		was, isInt := formal.Default.(int64)
		is, still := other.Default.(int64)
		given := slices.ContainsFunc(n.Attribute, func(a *onnx.Attribute) bool { return a.GetName() == formal.Name })
		if ok && isInt && still && was != is && !given {
			n.Attribute = append(n.Attribute, onnx.AttrInt(formal.Name, int(was)))
		}
	}
	return nil
}

func unchanged(*opsetConverter, *onnx.Node) error { return nil }

// constant adds an initializer, once, and gives its name.
func (c *opsetConverter) constant(name string, t *tensor.Tensor) string {
	for c.values.Values[name] != nil && !c.constants[name] {
		name += "_"
	}
	if !c.constants[name] {
		c.constants[name] = true
		c.m.Graph.Initializer = append(c.m.Graph.Initializer, onnx.Encode(name, t))
	}
	return name
}

// toInput turns an attribute that is a list of integers into input 1.
func toInput(attr string) func(c *opsetConverter, n *onnx.Node) error {
	return func(c *opsetConverter, n *onnx.Node) error {
		i := slices.IndexFunc(n.Attribute, func(a *onnx.Attribute) bool { return a.GetName() == attr })
		if i < 0 {
			return nil
		}
		v := n.Attribute[i].GetInts()
		n.Attribute = slices.Delete(n.Attribute, i, i+1)
		n.Input = append(n.Input[:1:1], c.constant(n.Output[0]+"/"+attr, tensor.Of(v, len(v))))
		return nil
	}
}

// toAttribute is the inverse; the input must be constant.
func toAttribute(attr string) func(c *opsetConverter, n *onnx.Node) error {
	return func(c *opsetConverter, n *onnx.Node) error {
		if len(n.Input) < 2 || n.Input[1] == "" {
			n.Input = n.Input[:1]
			return nil
		}
		v := c.values.Values[n.Input[1]]
		if v == nil || v.Value == nil {
			return fmt.Errorf("input %q is not constant, and before it became an input it was an attribute", attr)
		}
		list, ok := v.Ints()
		if !ok {
			return fmt.Errorf("input %q holds no integers", attr)
		}
		n.Input = n.Input[:1]
		n.Attribute = append(n.Attribute, onnx.AttrInts(attr, list...))
		return nil
	}
}

// clipBounds turns the attributes min and max into inputs.
func clipBounds(c *opsetConverter, n *onnx.Node) error {
	inputs := []string{n.Input[0], "", ""}
	for _, a := range n.Attribute {
		if i := slices.Index([]string{"min", "max"}, a.GetName()); i >= 0 {
			inputs[1+i] = c.constant(n.Output[0]+"/"+a.GetName(), tensor.Scalar(a.GetF()))
		}
	}
	n.Attribute = slices.DeleteFunc(n.Attribute, func(a *onnx.Attribute) bool { return a.GetName() == "min" || a.GetName() == "max" })
	n.Input = inputs
	return nil
}

// resizeFrom10 writes out what Resize of opset 10 always did: asymmetric coordinates, rounded down.
func resizeFrom10(c *opsetConverter, n *onnx.Node) error {
	if len(n.Input) != 2 {
		return fmt.Errorf("%d inputs, want 2", len(n.Input))
	}
	n.Input = []string{n.Input[0], "", n.Input[1]}
	n.Attribute = append(n.Attribute, onnx.AttrString("coordinate_transformation_mode", "asymmetric"), onnx.AttrString("nearest_mode", "floor"))
	if c.to < 13 {
		return emptyRoi(c, n)
	}
	return nil
}

// emptyRoi gives inputs that were not optional before opset 13.
func emptyRoi(c *opsetConverter, n *onnx.Node) error {
	for i, name := range []string{"", "roi", "scales"} {
		if i > 0 && i < len(n.Input) && n.Input[i] == "" {
			n.Input[i] = c.constant("resize/"+name, tensor.Of([]float32{}, 0))
		}
	}
	return nil
}

// dropoutAlone leaves the ratio away, which an inference form does not read. It was an attribute, and became an input.
func dropoutAlone(_ *opsetConverter, n *onnx.Node) error {
	if len(n.Input) > 2 && n.Input[2] != "" {
		return fmt.Errorf("its training mode is an input, want none")
	}
	n.Input = n.Input[:1]
	n.Attribute = slices.DeleteFunc(n.Attribute, func(a *onnx.Attribute) bool { return a.GetName() == "ratio" })
	return nil
}

// lastAxisOnly writes the axis out where it is the last one. For others, Softmax took all axes from it on together before
// opset 13, and takes it alone since.
func lastAxisOnly(c *opsetConverter, n *onnx.Node) error {
	x := c.values.Values[n.Input[0]]
	if x == nil || !x.HasRank() {
		return fmt.Errorf("the rank of its input is not known")
	}
	axis := 1
	if c.from >= 13 {
		axis = -1
	}
	i := slices.IndexFunc(n.Attribute, func(a *onnx.Attribute) bool { return a.GetName() == "axis" })
	if i >= 0 {
		axis = int(n.Attribute[i].GetI())
	}
	if axis != -1 && axis != x.Rank()-1 {
		return fmt.Errorf("%s over axis %d of %d means something else across opset 13, want the last axis", n.GetOpType(), axis, x.Rank())
	}
	if i < 0 {
		n.Attribute = append(n.Attribute, onnx.AttrInt("axis", x.Rank()-1))
	}
	return nil
}
