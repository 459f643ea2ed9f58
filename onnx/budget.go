package onnx

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A few bytes of a protobuf message can ask for much memory: an empty node is two bytes in a file and two hundred when
// decoded, a number in a packed list one and eight. budget therefore walks a file before anything is decoded, without
// allocating, and counts what decoding would make of it.

// Limits of what a model file may be decoded to.
const (
	// DefaultMaxParts bounds the messages of a model: nodes, attributes and tensors (which count twice), types, dimensions …
	// and the strings in lists (a node's inputs and outputs). Auto-DeepLab-L has 11,500 (training form).
	DefaultMaxParts = 1 << 18
	// DefaultMaxText bounds the length of one string in bytes: a name, a documentation, a metadata value.
	DefaultMaxText = 1 << 24
	// DefaultMaxGrowth bounds by how many bytes lists of numbers may be larger in memory than in the file.
	DefaultMaxGrowth = 1 << 25
)

// extraParts are what some messages count beside one: decoded, they take twice the memory of others.
var extraParts = map[protoreflect.Name]int{"AttributeProto": 1, "TensorProto": 1}

// budget is what is left to spend while a message is walked.
type budget struct {
	parts, growth int
	o             LoadOptions
}

// checkBudget walks a message and its descendants. Fields that the message does not know, or of another wire type than
// theirs, are for the protobuf library to judge, and so is what is damaged.
func (o LoadOptions) checkBudget(data []byte, d protoreflect.MessageDescriptor) error {
	b := budget{parts: pick(o.MaxParts, DefaultMaxParts), growth: pick(o.MaxGrowth, DefaultMaxGrowth), o: o}
	return b.message(data, d, 0)
}

// pick gives a limit, or what it is where none is given.
func pick(limit, standard int) int {
	if limit > 0 {
		return limit
	}
	return standard
}

func (b *budget) message(data []byte, d protoreflect.MessageDescriptor, depth int) error {
	if depth >= MaxNesting {
		return fmt.Errorf("%w: messages are nested more than %d deep", ErrNotModel, MaxNesting)
	}
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil
		}
		size := protowire.ConsumeFieldValue(num, typ, data[n:])
		if size < 0 {
			return nil
		}
		field := data[n : n+size]
		data = data[n+size:]
		f := d.Fields().ByNumber(num)
		if f == nil {
			continue
		}
		if typ != protowire.BytesType {
			if f.IsList() {
				if err := b.grow(8 - size); err != nil {
					return err
				}
			}
			continue
		}
		value, _ := protowire.ConsumeBytes(field)
		if err := b.value(value, f, depth); err != nil {
			return err
		}
	}
	return nil
}

// value counts one field with a length: a message, a string, or a packed list.
func (b *budget) value(value []byte, f protoreflect.FieldDescriptor, depth int) error {
	switch f.Kind() {
	case protoreflect.MessageKind:
		for range 1 + extraParts[f.Message().Name()] {
			if err := b.part(); err != nil {
				return err
			}
		}
		return b.message(value, f.Message(), depth+1)
	case protoreflect.StringKind:
		if most := pick(b.o.MaxText, DefaultMaxText); len(value) > most {
			return fmt.Errorf("%w: a text (%s) of %d bytes, at most %d are allowed (--limit text-bytes)", ErrTooLarge, f.Name(), len(value), most)
		}
		if f.IsList() {
			return b.part()
		}
	case protoreflect.BytesKind:
		if f.IsList() {
			return b.part()
		}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
	default: // a packed list of varints: each ends in a byte without the highest bit
		width, numbers := 8, 0
		if f.Kind() == protoreflect.Int32Kind {
			width = 4
		}
		for _, c := range value {
			if c < 0x80 {
				numbers++
			}
		}
		return b.grow(width*numbers - len(value))
	}
	return nil
}

func (b *budget) part() error {
	if b.parts--; b.parts < 0 {
		return fmt.Errorf("%w: it has more than %d parts (nodes, attributes, tensors, dimensions, names; --limit model-parts)", ErrTooLarge, pick(b.o.MaxParts, DefaultMaxParts))
	}
	return nil
}

func (b *budget) grow(bytes int) error {
	if b.growth -= max(bytes, 0); b.growth < 0 {
		return fmt.Errorf("%w: its lists of numbers would grow by more than %d bytes in memory (--limit list-bytes)", ErrTooLarge, pick(b.o.MaxGrowth, DefaultMaxGrowth))
	}
	return nil
}
