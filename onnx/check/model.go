package check

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// Finding is one thing that is wrong with a model.
type Finding struct {
	// Node is the name of the node at fault, or "#12" for the node without a name that stands at index 12 of the file;
	// "" where the fault is not a node's. Op is its operator.
	Node, Op string
	// Value is the name of the tensor at fault, if one is.
	Value string
	// Text says what was found and what would be accepted.
	Text string
}

// String writes one line: `node "stem/conv" (Conv): value "w": …`, with the parts that there are.
func (f Finding) String() string {
	s := f.Text
	if f.Value != "" {
		s = fmt.Sprintf("value %q: %s", f.Value, s)
	}
	switch {
	case strings.HasPrefix(f.Node, "#"):
		s = fmt.Sprintf("node %s (%s): %s", f.Node, f.Op, s)
	case f.Node != "":
		s = fmt.Sprintf("node %q (%s): %s", f.Node, f.Op, s)
	}
	return onnx.Printable(s) // a finding stays one line of text, whatever the file's names hold
}

// Model lists everything that is wrong with a model, nil if nothing is: what ONNX's own checker refuses
// (onnx.checker.check_model with full_check), and what else breaks engines. It goes on after each finding as far as
// the rest can still be judged, and says everything once: a value that could not be inferred because its node is at
// fault causes no further findings, where the model declares its type that is used. Findings about the model come
// first, then inputs and initializers, nodes in the order of the file, and graph outputs.
//
// Stricter than ONNX: operators outside op.Names, model functions and sparse tensors (this project does not run them),
// operator sets outside op.OldestOpset to op.NewestOpset, an ir_version older than the operator set, nodes of one name,
// negative sizes, and tensors over o.Limits.
func Model(m *onnx.Model, o Options) []Finding {
	c := &checker{
		m: m, o: o, limits: o.limits(), seen: make(map[Finding]bool),
		values: make(map[string]*op.Info), declared: make(map[string]*op.Info), makers: make(map[string]int),
		given: make(map[string]string), onCycle: make(map[int]bool),
	}
	c.header()
	if m.GetGraph() == nil {
		c.add(Finding{Text: "the model has no graph"})
		return c.findings
	}
	c.given[""] = "" // an input that is left out
	c.inputs()
	c.initializers()
	c.declarations()
	c.nodes()
	c.outputs()
	return c.findings
}

// checker holds the state of one call of Model. values, declared and makers are by name.
type checker struct {
	m        *onnx.Model
	o        Options
	limits   *op.Limits
	opset    int // 0 where operators cannot be looked up
	findings []Finding
	seen     map[Finding]bool
	given    map[string]string   // what a name is that no node makes: "graph input" or "initializer"
	makers   map[string]int      // node by output
	declared map[string]*op.Info // what value_info and graph outputs say
	values   map[string]*op.Info // what is known; a name that is defined and not here is not known at all
	onCycle  map[int]bool        // nodes that cannot be sorted
}

// add keeps a finding unless it is known. All findings pass through here.
func (c *checker) add(f Finding) {
	if !c.seen[f] {
		c.seen[f] = true
		c.findings = append(c.findings, f)
	}
}

// addf adds a finding about the model as a whole.
func (c *checker) addf(format string, args ...any) {
	c.add(Finding{Text: fmt.Sprintf(format, args...)})
}

// value adds a finding about a value that no node is to blame for.
func (c *checker) value(name, format string, args ...any) {
	c.add(Finding{Value: name, Text: fmt.Sprintf(format, args...)})
}

// oldestIR is the ir_version of the first ONNX release with an operator set (ONNX's docs/Versioning.md): the format
// in which its models are written.
var oldestIR = map[int]int64{
	7: 3, 8: 3, 9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10,
	23: 11, 24: 12, 25: 13, 26: 13, 27: 13, 28: 14,
}

// minIR is the first format in which operator sets are imported by version.
const minIR = 3

// header checks what stands before the graph, and finds the opset. Where that is missing or out of range the graph is
// still checked for names and order, but no operator can be looked up.
func (c *checker) header() {
	m := c.m
	ir, opset := m.GetIrVersion(), onnx.Opset(m)
	switch newest := int64(pb.Version_IR_VERSION); {
	case ir == 0:
		c.addf("the model has no ir_version")
	case ir < minIR || ir > newest:
		c.addf("ir_version is %d, want %d to %d", ir, minIR, newest)
	case ir < oldestIR[opset]:
		c.addf("ir_version is %d, but operator set %d needs %d or more", ir, opset, oldestIR[opset])
	}
	imports := make(map[string]bool)
	for _, id := range m.GetOpsetImport() {
		domain, v := id.GetDomain(), id.GetVersion()
		// The default domain has two names, which are one set.
		if domain == "ai.onnx" {
			domain = ""
		}
		if imports[domain] {
			c.addf("operator set %q is imported twice", domain)
		}
		imports[domain] = true
		if v < 1 || v > math.MaxInt32 {
			c.addf("operator set %q is imported at version %d", domain, v)
		}
	}
	switch {
	case !imports[""]:
		c.addf("the model does not import the default operator set ai.onnx")
	case opset < op.OldestOpset || opset > op.NewestOpset:
		c.addf("the model imports ai.onnx %d, want %d to %d", opset, op.OldestOpset, op.NewestOpset)
	default:
		c.opset = opset
	}
	keys := make(map[string]bool)
	for _, p := range m.GetMetadataProps() {
		if keys[p.GetKey()] {
			c.addf("metadata_props has the key %q twice", p.GetKey())
		}
		keys[p.GetKey()] = true
	}
	if fs := m.GetFunctions(); len(fs) > 0 {
		c.addf("the model defines functions (%q first); they are not supported, inline them (onnx.inliner)", fs[0].GetName())
	}
	if g := m.GetGraph(); g != nil && g.GetName() == "" {
		c.addf("the graph has no name")
	}
}

// inputs defines the graph inputs. What the caller says of an input takes the place of its declaration, which is checked
// all the same.
func (c *checker) inputs() {
	for _, v := range c.m.GetGraph().GetInput() {
		name := v.GetName()
		info := c.valueInfo(v, "graph input", true)
		if name == "" {
			continue
		}
		if c.given[name] != "" {
			c.value(name, "is a graph input twice")
			continue
		}
		c.given[name] = "graph input"
		if over, ok := c.o.Inputs[name]; ok {
			info = &over
		}
		if info != nil {
			c.values[name] = info
		}
	}
	for _, name := range sortedKeys(c.o.Inputs) {
		if c.given[name] == "" {
			c.value(name, "is given as an input, but the graph has none of that name")
		}
	}
}

// sortedKeys makes the order of findings that come from a map the same each time.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// valueInfo checks a declaration, and gives what it says if that can be used. Graph inputs and outputs must be full
// declarations.
func (c *checker) valueInfo(v *onnx.ValueInfo, what string, full bool) *op.Info {
	name := v.GetName()
	if name == "" {
		c.addf("a %s has no name", what)
	}
	tt := v.GetType().GetTensorType()
	switch {
	// An intermediate value may be listed without a type; that says nothing.
	case v.GetType().GetValue() == nil:
		if full {
			c.value(name, "the %s has no type", what)
		}
		return nil
	case tt == nil:
		c.value(name, "the %s is no dense tensor; no other types are supported", what)
		return nil
	}
	d := tensor.DType(tt.GetElemType())
	switch {
	case d == tensor.Undefined:
		c.value(name, "the %s has no element type", what)
		return nil
	case d != tensor.String && d.Size() == 0:
		c.value(name, "the %s has elements of type %s, which is not supported", what, d)
		return nil
	case tt.GetShape() == nil:
		if full {
			c.value(name, "the %s has no shape; where a size is not known its dimension stays, without a number", what)
		}
		return &op.Info{DType: d}
	}
	info := &op.Info{DType: d, Dims: make([]op.Dim, 0, len(tt.GetShape().GetDim()))}
	for k, dim := range tt.GetShape().GetDim() {
		known, ok := dimOf(dim)
		if !ok {
			c.value(name, "the %s has dimension %d of size %d, want 0 or more", what, k, dim.GetDimValue())
			info.Dims = append(info.Dims, op.Named(""))
			continue
		}
		info.Dims = append(info.Dims, known)
	}
	if err := withinLimits(info.Dims, c.limits); err != nil {
		c.value(name, "the %s %s: %v", what, info, err)
		return nil
	}
	return info
}

// withinLimits multiplies the known dimensions. A dimension of zero is passed over: ONNX counts the others too.
func withinLimits(dims []op.Dim, limits *op.Limits) error {
	if len(dims) > limits.MaxDims {
		return fmt.Errorf("%w: at most %d dimensions are allowed (--limit dimensions)", op.ErrLimit, limits.MaxDims)
	}
	n := 1
	for _, d := range dims {
		if d.Size <= 0 {
			continue
		}
		if n > limits.MaxElems/d.Size {
			return fmt.Errorf("%w: at most %d elements are allowed (--limit tensor-elements)", op.ErrLimit, limits.MaxElems)
		}
		n *= d.Size
	}
	return nil
}

// initializers defines the initializers and reads their data.
func (c *checker) initializers() {
	g := c.m.GetGraph()
	twice := make(map[string]bool)
	define := func(name string) bool {
		switch {
		case name == "":
			c.addf("an initializer has no name")
			return false
		case twice[name]:
			c.value(name, "is an initializer twice")
			return false
		case c.m.GetIrVersion() < 4 && c.given[name] == "":
			c.value(name, "is an initializer but no graph input, as ir_version %d (before 4) demands", c.m.GetIrVersion())
		}
		twice[name] = true
		return true
	}
	for _, t := range g.GetInitializer() {
		name := t.GetName()
		if !define(name) {
			continue
		}
		info := c.constant(t)
		if is := c.values[name]; info != nil && is != nil {
			if why := contradiction(info, is); why != "" {
				c.value(name, "the initializer is %s, but the graph input of that name is %s: %s", info, is, why)
				info = nil
			}
		}
		// An input with an initializer has a default value. Like ONNX's inference and this project's engine, the rest
		// of the check takes the default, unless the caller gives the input.
		if c.given[name] == "" {
			c.given[name] = "initializer"
		}
		if _, over := c.o.Inputs[name]; over {
			continue
		}
		delete(c.values, name)
		if info != nil {
			c.values[name] = info
		}
	}
	for _, s := range g.GetSparseInitializer() {
		if name := s.GetValues().GetName(); define(name) {
			c.value(name, "is a sparse initializer, which is not supported")
			c.given[name] = "initializer"
		}
	}
}

// constant checks an initializer's data. Contents are kept only where they are small enough for a shape rule to read.
func (c *checker) constant(t *onnx.TensorPB) *op.Info {
	v, err := onnx.Decode(t)
	if err != nil {
		c.value(t.GetName(), "the initializer cannot be read: %v", err)
		return nil
	}
	info := op.Const(v)
	if err := withinLimits(info.Dims, c.limits); err != nil {
		c.value(t.GetName(), "the initializer %s: %v", &info, err)
		return nil
	}
	// Weights would otherwise be held twice for the length of the check.
	if v.NumElems() > c.limits.MaxFold {
		info.Value = nil
	}
	return &info
}

// declarations gathers what value_info and the graph's outputs say of values; a value may be declared more than once,
// and then they must agree.
func (c *checker) declarations() {
	g := c.m.GetGraph()
	declare := func(v *onnx.ValueInfo, what string, full bool) {
		info := c.valueInfo(v, what, full)
		name := v.GetName()
		if info == nil || name == "" {
			return
		}
		was := c.declared[name]
		if was == nil {
			c.declared[name] = info
		} else if why := contradiction(was, info); why != "" {
			c.value(name, "is declared as %s and as %s: %s", was, info, why)
		}
	}
	for _, v := range g.GetValueInfo() {
		declare(v, "value_info", false)
	}
	for _, v := range g.GetOutput() {
		declare(v, "graph output", true)
	}
	for _, name := range sortedKeys(c.declared) {
		if is, have := c.declared[name], c.values[name]; have != nil {
			if why := contradiction(is, have); why != "" {
				c.value(name, "the %s is %s, but it is declared as %s: %s", c.given[name], have, is, why)
			}
		}
	}
}

// contradiction says why two descriptions cannot be of one tensor, "" if they can. Names of dimensions do not count:
// two names may stand for the same size.
func contradiction(a, b *op.Info) string {
	switch {
	case a.DType != tensor.Undefined && b.DType != tensor.Undefined && a.DType != b.DType:
		return "the types differ"
	case a.Dims == nil || b.Dims == nil:
		return ""
	case len(a.Dims) != len(b.Dims):
		return "the ranks differ"
	}
	for k := range a.Dims {
		if a.Dims[k].IsKnown() && b.Dims[k].IsKnown() && a.Dims[k].Size != b.Dims[k].Size {
			return "dimension " + strconv.Itoa(k) + " differs"
		}
	}
	return ""
}

// outputs checks the list of graph outputs by name; their types were compared where the values are made.
func (c *checker) outputs() {
	outs := c.m.GetGraph().GetOutput()
	if len(outs) == 0 {
		c.addf("the graph has no outputs")
	}
	seen := make(map[string]bool)
	for _, v := range outs {
		name := v.GetName()
		_, made := c.makers[name]
		switch {
		case name == "": // said already
		case seen[name]:
			c.value(name, "is a graph output twice")
		case !made && c.given[name] == "":
			c.value(name, "is a graph output, but no node makes it")
		}
		seen[name] = true
	}
}
