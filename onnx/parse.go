package onnx

import (
	"strings"

	"autodeeplab/onnx/pb"
)

// maxDepth bounds how deep types and subgraphs may stand in one another, as protobuf does for a file.
const maxDepth = MaxNesting

// parser reads models; see Format for the syntax. depth counts the types and graphs that are open.
type parser struct {
	lexer
	depth int
}

// Parse reads a model from ONNX's textual syntax (see Format). It gives the ModelProto that Python's onnx.parser gives,
// with tensor elements in the typed fields of TensorProto. Beyond that syntax it takes quoted names for attributes,
// domains, operators, subgraphs and tensors in attributes, and lists of tensors, graphs and types as attributes.
// The error is a *SyntaxError. What the text says is not checked further; that is for the package onnx/check.
func Parse(text string) (*Model, error) {
	p := &parser{lexer: lexer{text: text}}
	m := p.model()
	if p.err != nil {
		return nil, p.err
	}
	return m, nil
}

// commas reads items until no comma follows.
func (p *parser) commas(item func()) {
	for {
		if item(); p.err != nil || !p.accept(',') {
			return
		}
	}
}

// enclosed reads a possibly empty list between open and close.
func (p *parser) enclosed(open, close byte, item func()) {
	p.expect(open)
	if p.accept(close) {
		return
	}
	p.commas(item)
	p.expect(close)
}

// deeper counts a level of nesting around f.
func (p *parser) deeper(f func()) {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.pos, "nested more than %d deep", maxDepth)
		return
	}
	f()
	p.depth--
}

// model = header? graph function*. A key that stands twice is set twice; lists grow, as in ONNX's parser.
func (p *parser) model() *Model {
	m := new(Model)
	p.header(func(key string) bool {
		switch key {
		case "ir_version":
			m.IrVersion = p.integer(64)
		case "opset_import":
			m.OpsetImport = p.opsets(m.OpsetImport)
		case "producer_name":
			m.ProducerName = p.quotedName()
		case "producer_version":
			m.ProducerVersion = p.quotedName()
		case "domain":
			m.Domain = p.quotedName()
		case "model_version":
			m.ModelVersion = p.integer(64)
		case "doc_string":
			m.DocString = p.quotedName()
		case "metadata_props":
			p.enclosed('[', ']', func() { m.MetadataProps = append(m.MetadataProps, p.property()) })
		default:
			return false
		}
		return true
	})
	m.Graph = p.graph()
	for p.err == nil && p.peek() != 0 {
		m.Functions = append(m.Functions, p.function())
	}
	return m
}

// header reads "<key: value, …>" if it is there; value reads a key's value, and is false for a key it does not know.
func (p *parser) header(value func(key string) bool) {
	if !p.accept('<') {
		return
	}
	p.commas(func() {
		p.skip()
		start := p.pos
		key := p.identifier()
		if key == "" {
			p.want("a key")
			return
		}
		p.expect(':')
		if p.err == nil && !value(key) {
			p.fail(start, "unknown key %q", key)
		}
	})
	p.expect('>')
}

// opsets = "[" (string ":" integer),* "]", appended to list.
func (p *parser) opsets(list []*OpsetID) []*OpsetID {
	p.enclosed('[', ']', func() {
		id := &OpsetID{Domain: p.quotedName()}
		p.expect(':')
		id.Version = p.integer(64)
		list = append(list, id)
	})
	return list
}

// property = string ":" string.
func (p *parser) property() *Property {
	e := &Property{Key: p.quotedName()}
	p.expect(':')
	e.Value = p.quotedName()
	return e
}

// function = header? name ("<" name | attribute, … ">")? "(" params ")" "=>" "(" params ")" ("<" types ">")? nodes.
func (p *parser) function() *pb.FunctionProto {
	f := new(pb.FunctionProto)
	p.header(func(key string) bool {
		switch key {
		case "opset_import":
			f.OpsetImport = p.opsets(f.OpsetImport)
		case "doc_string":
			f.DocString = p.quotedName()
		case "domain":
			f.Domain = p.quotedName()
		case "overload":
			f.Overload = p.quotedName()
		default:
			return false
		}
		return true
	})
	f.Name = p.name("a function")
	if p.accept('<') {
		p.commas(func() {
			name := p.name("an attribute")
			if c := p.peek(); c == ':' || c == '=' {
				f.AttributeProto = append(f.AttributeProto, p.attribute(name))
			} else {
				f.Attribute = append(f.Attribute, name)
			}
		})
		p.expect('>')
	}
	// Inputs and outputs may carry a type, which goes to value_info.
	param := func(list *[]string) func() {
		return func() {
			if p.nextIsType() {
				v := p.valueInfo()
				f.ValueInfo = append(f.ValueInfo, v)
				*list = append(*list, v.GetName())
			} else {
				*list = append(*list, p.name("a name"))
			}
		}
	}
	p.enclosed('(', ')', param(&f.Input))
	p.arrow()
	p.enclosed('(', ')', param(&f.Output))
	if p.peek() == '<' {
		p.enclosed('<', '>', func() { f.ValueInfo = append(f.ValueInfo, p.valueInfo()) })
	}
	f.Node = p.nodes()
	return f
}

// graph = name ("(" inputs ")")? "=>" "(" outputs ")" ("<" types and initializers ">")? nodes. An input may carry a
// default value, which becomes an initializer of its name.
func (p *parser) graph() *Graph {
	g := new(Graph)
	p.deeper(func() {
		g.Name = p.name("a graph")
		if p.peek() == '(' {
			p.enclosed('(', ')', func() {
				v := p.valueInfo()
				g.Input = append(g.Input, v)
				if p.accept('=') { // a default value
					g.Initializer = append(g.Initializer, p.initializer(v))
				}
			})
		}
		p.arrow()
		p.enclosed('(', ')', func() { g.Output = append(g.Output, p.valueInfo()) })
		if p.peek() == '<' {
			p.enclosed('<', '>', func() {
				if v := p.valueInfo(); p.accept('=') {
					g.Initializer = append(g.Initializer, p.initializer(v))
				} else {
					g.ValueInfo = append(g.ValueInfo, v)
				}
			})
		}
		g.Node = p.nodes()
	})
	return g
}

// valueInfo = type? name.
func (p *parser) valueInfo() *ValueInfo {
	v := new(ValueInfo)
	if p.nextIsType() {
		v.Type = p.typ()
	}
	v.Name = p.name("a name")
	return v
}

// initializer reads the contents after "type name =".
func (p *parser) initializer(v *ValueInfo) *TensorPB {
	t := &TensorPB{Name: v.GetName()}
	p.contents(t, v.GetType())
	return t
}

// nodes = "{" node* "}".
func (p *parser) nodes() []*Node {
	var list []*Node
	p.expect('{')
	for p.err == nil && !p.accept('}') {
		list = append(list, p.node())
	}
	return list
}

// node = ("[" name "]")? names "=" operator (":" overload)? attributes? "(" names ")" attributes?.
func (p *parser) node() *Node {
	n := new(Node)
	if p.accept('[') {
		if p.peek() != ']' {
			n.Name = p.name("a node's name")
		}
		p.expect(']')
	}
	n.Output = p.names()
	p.expect('=')
	n.Domain, n.OpType = p.operator()
	if p.accept(':') {
		n.Overload = p.name("an overload")
	}
	n.Attribute = p.attributes()
	p.expect('(')
	n.Input = p.names()
	p.expect(')')
	if len(n.Attribute) == 0 { // they may stand on either side of the inputs
		n.Attribute = p.attributes()
	}
	return n
}

// operator reads names with dots between them: the last is the operator, what comes before it the domain.
func (p *parser) operator() (domain, opType string) {
	if p.peek() == '"' {
		opType = p.quotedName()
	} else {
		opType = p.identifier()
	}
	// Every part but the last belongs to the domain. Joined with dots, parts in quotes may even be empty or hold dots.
	var before []string
	for p.accept('.') {
		before = append(before, opType)
		opType = p.name("an operator")
	}
	return strings.Join(before, "."), opType
}

// names reads the inputs or outputs of a node. An empty one is "" or nothing before a comma; nothing after the last
// comma is no name.
func (p *parser) names() []string {
	var list []string
	for p.err == nil {
		switch c := p.peek(); {
		case c == '"':
			list = append(list, p.quotedName())
		case isLetter(c):
			list = append(list, p.identifier())
		// A comma where a name could stand: the name is empty.
		case c == ',':
			list = append(list, "")
		default:
			return list
		}
		if !p.accept(',') {
			return list
		}
	}
	return list
}

// elemTypes inverts elemName.
var elemTypes = func() map[string]int32 {
	m := make(map[string]int32)
	for d := range pb.TensorProto_DataType_name {
		if d != int32(pb.TensorProto_UNDEFINED) {
			m[elemName(d)] = d
		}
	}
	return m
}()

// typeWords are the words besides the element types that begin a type.
var typeWords = map[string]bool{"seq": true, "map": true, "optional": true, "sparse_tensor": true, "opaque": true, undefined: true}

// isTypeWord reports whether a word begins a type where one may stand.
func isTypeWord(s string) bool { return elemTypes[s] != 0 || typeWords[s] }

// nextIsType reports whether a type begins here. "undefined", which only this package writes, is one where a name or
// dimensions follow.
func (p *parser) nextIsType() bool {
	word := p.peekIdentifier()
	if word != undefined {
		return isTypeWord(word)
	}
	save := p.pos
	defer func() { p.pos = save }()
	p.identifier()
	c := p.peek()
	return c == '[' || c == '"' || isLetter(c)
}

// typ = element type and shape | seq(type) | optional(type) | map(element type, type) | sparse_tensor(…) | opaque(…).
func (p *parser) typ() *Type {
	t := new(Type)
	p.deeper(func() {
		p.skip()
		start := p.pos
		switch word := p.identifier(); {
		case elemTypes[word] != 0 || word == undefined:
			t.Value = &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{ElemType: elemTypes[word], Shape: p.shape()}}
		case word == "seq":
			p.expect('(')
			t.Value = &pb.TypeProto_SequenceType{SequenceType: &pb.TypeProto_Sequence{ElemType: p.typ()}}
			p.expect(')')
		case word == "optional":
			p.expect('(')
			t.Value = &pb.TypeProto_OptionalType{OptionalType: &pb.TypeProto_Optional{ElemType: p.typ()}}
			p.expect(')')
		case word == "map":
			p.expect('(')
			key := p.elemType()
			p.expect(',')
			t.Value = &pb.TypeProto_MapType{MapType: &pb.TypeProto_Map{KeyType: key, ValueType: p.typ()}}
			p.expect(')')
		case word == "sparse_tensor":
			p.expect('(')
			elem := p.elemType()
			t.Value = &pb.TypeProto_SparseTensorType{SparseTensorType: &pb.TypeProto_SparseTensor{ElemType: elem, Shape: p.shape()}}
			p.expect(')')
		case word == "opaque":
			t.Value = &pb.TypeProto_OpaqueType{OpaqueType: p.opaque()}
		default:
			p.wantAt(start, "a type")
		}
	})
	return t
}

// elemType reads the name of an element type where only that may stand.
func (p *parser) elemType() int32 {
	p.skip()
	start := p.pos
	word := p.identifier()
	if elemTypes[word] == 0 {
		p.wantAt(start, "an element type")
	}
	return elemTypes[word]
}

// opaque reads "()", "(name)" or "(domain, name)", where the first of two names and a single one may have dots.
func (p *parser) opaque() *pb.TypeProto_Opaque {
	o := new(pb.TypeProto_Opaque)
	p.expect('(')
	if p.accept(')') {
		return o
	}
	domain, last := p.operator()
	if last == "" {
		p.want("a name")
	}
	if domain != "" {
		last = domain + "." + last
	}
	if p.accept(',') {
		o.Domain, o.Name = last, p.name("a name")
	} else {
		o.Name = last
	}
	p.expect(')')
	return o
}

// shape reads the dimensions after an element type: none make a scalar, "[]" leaves the rank open.
func (p *parser) shape() *pb.TensorShapeProto {
	if !p.accept('[') {
		return new(pb.TensorShapeProto)
	}
	if p.accept(']') {
		return nil
	}
	s := new(pb.TensorShapeProto)
	p.commas(func() {
		d := new(Dim)
		switch c := p.peek(); {
		case p.accept('?'):
		case c == '"' || isLetter(c):
			d = NamedDim(p.name("a dimension"))
		default:
			d.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: p.integer(64)}
		}
		s.Dim = append(s.Dim, d)
	})
	p.expect(']')
	return s
}

// contents reads a tensor's data, "{…}" or the entries of external data, after its type.
func (p *parser) contents(t *TensorPB, typ *Type) {
	p.skip()
	start := p.pos
	tt := typ.GetTensorType()
	if tt.GetShape() == nil {
		p.fail(start, "contents need a tensor type with dimensions before them")
		return
	}
	t.DataType = tt.GetElemType()
	for _, d := range tt.GetShape().GetDim() {
		v, ok := d.GetValue().(*pb.TensorShapeProto_Dimension_DimValue)
		if !ok {
			p.fail(start, "contents need a tensor type whose dimensions are numbers")
			return
		}
		t.Dims = append(t.Dims, v.DimValue)
	}
	if p.peek() == '[' {
		t.DataLocation = pb.TensorProto_EXTERNAL
		p.enclosed('[', ']', func() { t.ExternalData = append(t.ExternalData, p.property()) })
		return
	}
	if p.peek() == '{' {
		p.enclosed('{', '}', p.element(t))
	}
}

// element gives the reader for one element of t, which goes to the typed field that onnx.proto assigns to t's type.
func (p *parser) element(t *TensorPB) func() {
	switch pb.TensorProto_DataType(t.GetDataType()) {
	case pb.TensorProto_FLOAT, pb.TensorProto_COMPLEX64:
		return func() { t.FloatData = append(t.FloatData, float32(p.float(32))) }
	case pb.TensorProto_DOUBLE, pb.TensorProto_COMPLEX128:
		return func() { t.DoubleData = append(t.DoubleData, p.float(64)) }
	case pb.TensorProto_INT64:
		return func() { t.Int64Data = append(t.Int64Data, p.integer(64)) }
	case pb.TensorProto_UINT32, pb.TensorProto_UINT64:
		return func() { t.Uint64Data = append(t.Uint64Data, p.unsigned()) }
	case pb.TensorProto_STRING:
		return func() { t.StringData = append(t.StringData, []byte(p.quoted())) }
	case pb.TensorProto_UNDEFINED:
		return func() { p.want(`"}": an undefined type has no elements`) }
	}
	return func() { t.Int32Data = append(t.Int32Data, int32(p.integer(32))) }
}
