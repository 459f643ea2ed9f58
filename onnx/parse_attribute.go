package onnx

import (
	"strings"

	"autodeeplab/onnx/pb"
)

// attributes reads "<name = value, …>" if it is there.
func (p *parser) attributes() []*Attribute {
	if !p.accept('<') {
		return nil
	}
	var list []*Attribute
	p.commas(func() { list = append(list, p.attribute(p.name("an attribute"))) })
	p.expect('>')
	return list
}

// attrTypes maps the words after the colon to types: the enum's names in lower case.
var attrTypes = func() map[string]pb.AttributeProto_AttributeType {
	m := make(map[string]pb.AttributeProto_AttributeType)
	for name, v := range pb.AttributeProto_AttributeType_value {
		if v != int32(pb.AttributeProto_UNDEFINED) {
			m[strings.ToLower(name)] = pb.AttributeProto_AttributeType(v)
		}
	}
	return m
}()

// listTypes maps the type of one value to that of a list of them. onnx.proto numbers the lists after the single ones.
var listTypes = map[pb.AttributeProto_AttributeType]pb.AttributeProto_AttributeType{
	pb.AttributeProto_FLOAT: pb.AttributeProto_FLOATS, pb.AttributeProto_INT: pb.AttributeProto_INTS,
	pb.AttributeProto_STRING: pb.AttributeProto_STRINGS, pb.AttributeProto_TENSOR: pb.AttributeProto_TENSORS,
	pb.AttributeProto_GRAPH: pb.AttributeProto_GRAPHS, pb.AttributeProto_TYPE_PROTO: pb.AttributeProto_TYPE_PROTOS,
}

// elemOf inverts listTypes; UNDEFINED for what is no list.
var elemOf = func() map[pb.AttributeProto_AttributeType]pb.AttributeProto_AttributeType {
	m := make(map[pb.AttributeProto_AttributeType]pb.AttributeProto_AttributeType)
	for elem, list := range listTypes {
		m[list] = elem
	}
	return m
}()

// attribute reads what follows an attribute's name: an optional type, and the value.
func (p *parser) attribute(name string) *Attribute {
	a := &Attribute{Name: name}
	stated := pb.AttributeProto_UNDEFINED
	if p.accept(':') {
		word := p.peekIdentifier()
		if stated = attrTypes[word]; stated == pb.AttributeProto_UNDEFINED {
			p.want("an attribute type (int, floats, tensor …)")
		}
		p.identifier()
	}
	p.expect('=')
	if p.peek() != '[' {
		p.value(a, stated)
		return a
	}
	p.skip()
	start := p.pos
	if stated != pb.AttributeProto_UNDEFINED && elemOf[stated] == pb.AttributeProto_UNDEFINED {
		p.want("a single " + strings.ToLower(stated.String()))
	}
	// The stated type, or that of the first item, is what the other items are held to.
	a.Type = stated
	p.enclosed('[', ']', func() {
		p.skip()
		at := p.pos
		item := new(Attribute)
		p.value(item, elemOf[a.Type])
		if p.err == nil && item.GetRefAttrName() != "" {
			p.fail(at, "a reference to an attribute cannot stand in a list")
			return
		}
		p.add(a, item)
	})
	if a.Type == pb.AttributeProto_UNDEFINED {
		p.fail(start, "an empty list needs a type before it, as in %q", name+": ints = []")
	}
	return a
}

// add appends a single value to a list; the first one decides the list's type where none is stated.
func (p *parser) add(list, item *Attribute) {
	list.Type = listTypes[item.GetType()]
	switch item.GetType() {
	case pb.AttributeProto_FLOAT:
		list.Floats = append(list.Floats, item.GetF())
	case pb.AttributeProto_INT:
		list.Ints = append(list.Ints, item.GetI())
	case pb.AttributeProto_STRING:
		list.Strings = append(list.Strings, item.GetS())
	case pb.AttributeProto_TENSOR:
		list.Tensors = append(list.Tensors, item.GetT())
	case pb.AttributeProto_GRAPH:
		list.Graphs = append(list.Graphs, item.GetG())
	case pb.AttributeProto_TYPE_PROTO:
		list.TypeProtos = append(list.TypeProtos, item.GetTp())
	}
}

// value reads a single value into a and sets its type, which must be the wanted one unless that is UNDEFINED.
func (p *parser) value(a *Attribute, wanted pb.AttributeProto_AttributeType) {
	p.skip()
	start := p.pos
	switch c := p.peek(); {
	case p.accept('@'):
		a.RefAttrName = p.name("an attribute")
		a.Type = wanted
		return
	case p.nextIsType():
		p.tensorOrType(a)
	case isLetter(c) && !isFloatWord(p.peekIdentifier()), c == '"' && wanted == pb.AttributeProto_GRAPH:
		a.Type = pb.AttributeProto_GRAPH
		a.G = p.graph()
	case c == '"':
		a.Type = pb.AttributeProto_STRING
		a.S = []byte(p.quoted())
	default:
		p.numeric(a, wanted)
	}
	if wanted != pb.AttributeProto_UNDEFINED && a.Type != wanted {
		p.fail(start, "want a value of type %s, have %s", strings.ToLower(wanted.String()), strings.ToLower(a.Type.String()))
	}
}

// tensorOrType reads a type, and what makes it a tensor if that follows: a name, "=" or contents.
func (p *parser) tensorOrType(a *Attribute) {
	// A tensor begins like a type. What follows a bare type in a list of attributes is "," or ">", so anything that can
	// continue a tensor decides.
	typ := p.typ()
	c := p.peek()
	if !isLetter(c) && c != '"' && c != '=' && c != '{' {
		a.Type = pb.AttributeProto_TYPE_PROTO
		a.Tp = typ
		return
	}
	a.Type = pb.AttributeProto_TENSOR
	a.T = new(TensorPB)
	if isLetter(c) || c == '"' {
		a.T.Name = p.name("a tensor's name")
	}
	p.accept('=')
	p.contents(a.T, typ)
}

// numeric reads a number; a whole one is a float where a float is wanted.
func (p *parser) numeric(a *Attribute, wanted pb.AttributeProto_AttributeType) {
	// An integer is read again as one, so that 64 bits survive.
	start := p.pos
	text, isFloat := p.number()
	if !isFloat && wanted != pb.AttributeProto_FLOAT {
		if p.err == nil {
			p.pos = start
			a.Type = pb.AttributeProto_INT
			a.I = p.integer(64)
		}
		return
	}
	f, ok := parseFloat(text, 32)
	if !ok {
		p.fail(start, "%s does not fit a float of 32 bits", text)
	}
	a.Type = pb.AttributeProto_FLOAT
	a.F = float32(f)
}
