package onnx

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"autodeeplab/onnx/pb"
)

// TextOptions configures Format. The zero value abbreviates what a reader would skip.
type TextOptions struct {
	// Full writes every element of every tensor, which is what Parse needs.
	Full bool
	// MaxElems is the largest tensor that is written in full nevertheless; 0 means DefaultMaxElems.
	MaxElems int
	// Escape writes all text from the model as Printable does, for a terminal. A text that is not Full always does so. In
	// a full one Parse, and onnx.parser, would read the escapes as other names: a last comment says that there are some.
	Escape bool
}

// DefaultMaxElems leaves shapes, pads and scales readable and abbreviates weights.
const DefaultMaxElems = 8

// Format writes m in ONNX's textual syntax (ONNX's docs/Syntax.md; the language of Python's onnx.parser), one node,
// initializer or type a line:
//
//	<
//	   ir_version: 8,
//	   opset_import: ["" : 17]
//	>
//	net (float[N,3] x) => (float[N,2] y)
//	   <float[3,2] w = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}>
//	{
//	   [head] y = MatMul (x, w)
//	}
//
// A tensor that is cut short ends in "…", and a comment gives its number of elements, its range and the CRC-32 of its
// raw data; such a text is for reading only. With o.Full, Parse gives back the same model, and so does onnx.parser
// except for the names that its syntax does not know how to quote (those of attributes, domains, operators, subgraphs
// and tensors in attributes, where they are no identifiers). The syntax has no words for some things: documentation
// and metadata below the model itself, sparse tensors, quantization annotations, training and device information. A
// last comment counts those that m has.
func Format(w io.Writer, m *Model, o TextOptions) error {
	if o.MaxElems <= 0 {
		o.MaxElems = DefaultMaxElems
	}
	p := &printer{w: bufio.NewWriter(w), o: o, escape: o.Escape || !o.Full, indent: 1}
	p.model(m)
	return p.w.Flush()
}

// printer writes the parts of a model. Write errors stay in w until Flush reports them.
type printer struct {
	w       *bufio.Writer
	o       TextOptions
	escape  bool
	escaped int // texts that were changed by it
	indent  int
	notes   []string // comments that wait for the end of the line
}

const indentation = "   "

// print writes all that comes from the model, but for numbers; its own line breaks are breakLine's.
func (p *printer) print(parts ...string) {
	for _, s := range parts {
		if p.escape && !isPrintable(s) {
			p.escaped++
			s = Printable(s)
		}
		p.w.WriteString(s)
	}
}

func (p *printer) breakLine() { p.w.WriteByte('\n') }

// newline ends the line, with the comments that belong to it.
func (p *printer) newline() {
	if len(p.notes) > 0 {
		p.print("  # ", strings.Join(p.notes, "; "))
		p.notes = p.notes[:0]
	}
	p.breakLine()
}

// startLine begins a line at the current depth.
func (p *printer) startLine() { p.print(strings.Repeat(indentation, p.indent)) }

// list writes n items between open and close, with commas.
func (p *printer) list(open string, n int, item func(i int), close string) {
	p.print(open)
	for i := range n {
		if i > 0 {
			p.print(", ")
		}
		item(i)
	}
	p.print(close)
}

// model writes the header with the fields that are set (ir_version and opset_import always), the graph, the functions.
func (p *printer) model(m *Model) {
	var fields []func()
	field := func(key string, present bool, value func()) {
		if present {
			fields = append(fields, func() { p.print(key, ": "); value() })
		}
	}
	text := func(s string) func() { return func() { p.print(quote(s)) } }
	number := func(n int64) func() { return func() { p.print(strconv.FormatInt(n, 10)) } }
	field("ir_version", true, number(m.GetIrVersion()))
	field("opset_import", true, func() { p.opsets(m.GetOpsetImport()) })
	field("producer_name", m.GetProducerName() != "", text(m.GetProducerName()))
	field("producer_version", m.GetProducerVersion() != "", text(m.GetProducerVersion()))
	field("domain", m.GetDomain() != "", text(m.GetDomain()))
	field("model_version", m.GetModelVersion() != 0, number(m.GetModelVersion()))
	field("doc_string", m.GetDocString() != "", text(m.GetDocString()))
	field("metadata_props", len(m.GetMetadataProps()) > 0, func() { p.properties(m.GetMetadataProps()) })
	p.header(fields)
	p.graph(m.GetGraph())
	p.newline()
	for _, f := range m.GetFunctions() {
		p.function(f)
	}
	if hidden := unwritten(m); hidden != "" {
		p.print("# not written: ", hidden)
		p.breakLine()
	}
	if p.escaped > 0 && p.o.Full {
		p.print("# escaped: ", strconv.Itoa(p.escaped), " texts with characters that do not print; a parser reads them differently")
		p.breakLine()
	}
}

// header writes the fields one a line between "<" and ">".
func (p *printer) header(fields []func()) {
	p.print("<")
	p.breakLine()
	for i, f := range fields {
		p.startLine()
		f()
		if i < len(fields)-1 {
			p.print(",")
		}
		p.newline()
	}
	p.print(">")
	p.breakLine()
}

// opsets writes ["" : 17, "ai.onnx.ml" : 3].
func (p *printer) opsets(list []*OpsetID) {
	p.list("[", len(list), func(i int) {
		p.print(quote(list[i].GetDomain()), " : ", strconv.FormatInt(list[i].GetVersion(), 10))
	}, "]")
}

// properties writes ["key": "value", …]: metadata and external data.
func (p *printer) properties(list []*Property) {
	p.list("[", len(list), func(i int) {
		p.print(quote(list[i].GetKey()), ": ", quote(list[i].GetValue()))
	}, "]")
}

// function writes a model-local function. Types of its values all go between outputs and nodes, though the syntax would
// also take those of inputs and outputs beside the names: this way the order of value_info survives.
func (p *printer) function(f *pb.FunctionProto) {
	var fields []func()
	if f.GetDomain() != "" {
		fields = append(fields, func() { p.print("domain: ", quote(f.GetDomain())) })
	}
	if f.GetOverload() != "" {
		fields = append(fields, func() { p.print("overload: ", quote(f.GetOverload())) })
	}
	fields = append(fields, func() { p.print("opset_import: "); p.opsets(f.GetOpsetImport()) })
	if f.GetDocString() != "" {
		fields = append(fields, func() { p.print("doc_string: ", quote(f.GetDocString())) })
	}
	p.header(fields)
	p.print(ident(f.GetName()), " ")
	if plain, preset := len(f.GetAttribute()), len(f.GetAttributeProto()); plain+preset > 0 {
		p.list("<", plain+preset, func(i int) {
			if i < plain {
				p.print(ident(f.GetAttribute()[i]))
			} else {
				p.attribute(f.GetAttributeProto()[i-plain], true)
			}
		}, "> ")
	}
	p.names("(", f.GetInput(), ")")
	p.names(" => (", f.GetOutput(), ") ")
	if vs := f.GetValueInfo(); len(vs) > 0 {
		p.list("<", len(vs), func(i int) { p.valueInfo(vs[i]) }, "> ")
	}
	p.nodes(f.GetNode())
	p.newline()
}

// graph writes all but the end of the last line.
func (p *printer) graph(g *Graph) {
	p.print(graphName(g.GetName()))
	p.list(" (", len(g.GetInput()), func(i int) { p.valueInfo(g.GetInput()[i]) }, ") => ")
	p.list("(", len(g.GetOutput()), func(i int) { p.valueInfo(g.GetOutput()[i]) }, ")")
	// Initializers and types share one list in the syntax. Initializers first: a parser keeps the two orders apart.
	ts, vs := g.GetInitializer(), g.GetValueInfo()
	if len(ts)+len(vs) > 0 {
		p.newline()
		p.startLine()
		p.print("<")
		for i := range len(ts) + len(vs) {
			if i > 0 {
				p.print(",")
				p.newline()
				p.startLine()
				p.print(" ")
			}
			if i < len(ts) {
				p.initializer(ts[i])
			} else {
				p.valueInfo(vs[i-len(ts)])
			}
		}
		p.print(">")
		p.newline()
		p.print(strings.Repeat(indentation, p.indent-1))
	} else {
		p.print(" ")
	}
	p.nodes(g.GetNode())
}

// nodes writes a body in braces, all but the end of its last line: a subgraph goes on there.
func (p *printer) nodes(nodes []*Node) {
	p.print("{")
	p.newline()
	for _, n := range nodes {
		p.startLine()
		p.node(n)
		p.newline()
	}
	p.print(strings.Repeat(indentation, p.indent-1), "}")
}

// node writes all of a node but the end of its line.
func (p *printer) node(n *Node) {
	if n.GetName() != "" {
		p.print("[", ident(n.GetName()), "] ")
	}
	if len(n.GetOutput()) > 0 {
		p.names("", n.GetOutput(), " ")
	}
	p.print("= ", operator(n))
	if n.GetOverload() != "" {
		p.print(":", ident(n.GetOverload()))
	}
	attrs := func() {
		if as := n.GetAttribute(); len(as) > 0 {
			p.list(" <", len(as), func(i int) { p.attribute(as[i], false) }, ">")
		}
	}
	// Subgraphs go last, so that the inputs stay on the node's first line.
	last := false
	for _, a := range n.GetAttribute() {
		last = last || a.GetG() != nil || len(a.GetGraphs()) > 0
	}
	if !last {
		attrs()
	}
	p.names(" (", n.GetInput(), ")")
	if last {
		attrs()
	}
}

// operator writes the operator with its domain, whose parts stand between dots.
func operator(n *Node) string {
	if n.GetDomain() == "" {
		if n.GetOpType() == "" {
			return ""
		}
		return ident(n.GetOpType())
	}
	return dotted(n.GetDomain()) + "." + ident(n.GetOpType())
}

// dotted writes a name of several parts with dots between them, "" for an empty one.
func dotted(name string) string {
	if name == "" {
		return ""
	}
	parts := strings.Split(name, ".")
	for i, s := range parts {
		parts[i] = ident(s)
	}
	return strings.Join(parts, ".")
}

// names writes names with commas; an empty one, an input left out, is "".
func (p *printer) names(open string, names []string, close string) {
	p.list(open, len(names), func(i int) { p.print(ident(names[i])) }, close)
}

// valueInfo writes "type name", or the name alone where there is no type.
func (p *printer) valueInfo(v *ValueInfo) {
	name := ident(v.GetName())
	t := typeText(v.GetType())
	switch {
	case t != "":
		p.print(t, " ", name)
	case isTypeWord(v.GetName()): // a bare "float" would be read as a type
		p.print(quote(v.GetName()))
	default:
		p.print(name)
	}
}

// typeText writes a type, "" for none.
func typeText(t *Type) string {
	switch v := t.GetValue().(type) {
	case *pb.TypeProto_TensorType:
		return tensorType(v.TensorType.GetElemType(), v.TensorType.GetShape())
	case *pb.TypeProto_SparseTensorType:
		return "sparse_tensor(" + tensorType(v.SparseTensorType.GetElemType(), v.SparseTensorType.GetShape()) + ")"
	case *pb.TypeProto_SequenceType:
		return "seq(" + typeText(v.SequenceType.GetElemType()) + ")"
	case *pb.TypeProto_OptionalType:
		return "optional(" + typeText(v.OptionalType.GetElemType()) + ")"
	case *pb.TypeProto_MapType:
		return "map(" + elemName(v.MapType.GetKeyType()) + ", " + typeText(v.MapType.GetValueType()) + ")"
	case *pb.TypeProto_OpaqueType:
		if v.OpaqueType.GetDomain() == "" {
			return "opaque(" + dotted(v.OpaqueType.GetName()) + ")"
		}
		return "opaque(" + dotted(v.OpaqueType.GetDomain()) + "," + ident(v.OpaqueType.GetName()) + ")"
	}
	return ""
}

// tensorType writes "float" for a scalar, "float[]" for a tensor of unknown rank and "float[N,3,?]" for the rest.
func tensorType(elem int32, shape *pb.TensorShapeProto) string {
	if shape == nil {
		return elemName(elem) + "[]"
	}
	if len(shape.GetDim()) == 0 {
		return elemName(elem)
	}
	dims := make([]string, len(shape.GetDim()))
	for i, d := range shape.GetDim() {
		switch v := d.GetValue().(type) {
		case *pb.TensorShapeProto_Dimension_DimValue:
			dims[i] = strconv.FormatInt(v.DimValue, 10)
		case *pb.TensorShapeProto_Dimension_DimParam:
			dims[i] = ident(v.DimParam)
		default:
			dims[i] = "?"
		}
	}
	return elemName(elem) + "[" + strings.Join(dims, ",") + "]"
}

// elemName is the syntax's name of a TensorProto.DataType; all of them are the enum's names in lower case.
func elemName(d int32) string {
	if name, ok := pb.TensorProto_DataType_name[d]; ok {
		return strings.ToLower(name)
	}
	return undefined
}

// undefined stands for an element type that is missing or that onnx.proto does not know.
const undefined = "undefined"

// ident writes a name, in quotes where it is no identifier.
func ident(name string) string {
	if isIdent(name) {
		return name
	}
	return quote(name)
}

// graphName also quotes the names that would read as a type or a number where a graph is an attribute's value.
func graphName(name string) string {
	if isTypeWord(name) || isFloatWord(name) {
		return quote(name)
	}
	return ident(name)
}

// isIdent tells names that need no quotes: ASCII letters, digits and "_", not beginning with a digit.
func isIdent(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return s != ""
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quote writes a string. The syntax knows only one escape, a backslash before the character that is meant.
func quote(s string) string { return `"` + quoter.Replace(s) + `"` }

// note leaves a comment for the end of the line. It must not hold text from the model, which could end the comment.
func (p *printer) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}
