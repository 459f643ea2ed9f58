package onnx

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"strconv"
	"strings"

	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// ellipsis stands for what Format leaves out.
const ellipsis = "…"

// shownElems is how many elements of an abbreviated tensor are written.
const shownElems = 4

// tensor writes a tensor as the value of an attribute: type, name if it has one, contents.
func (p *printer) tensor(t *TensorPB) {
	p.tensorHead(t)
	if t.GetName() != "" {
		p.print(" ", ident(t.GetName()))
	}
	if t.GetDataLocation() == pb.TensorProto_EXTERNAL {
		p.print(" =")
	}
	p.print(" ")
	p.contents(t)
}

// initializer writes "type name = contents".
func (p *printer) initializer(t *TensorPB) {
	p.tensorHead(t)
	p.print(" ", ident(t.GetName()), " = ")
	p.contents(t)
}

// tensorHead writes element type and dimensions; a scalar has no brackets.
func (p *printer) tensorHead(t *TensorPB) {
	p.print(elemName(t.GetDataType()))
	if dims := t.GetDims(); len(dims) > 0 {
		s := make([]string, len(dims))
		for i, d := range dims {
			s[i] = strconv.FormatInt(d, 10)
		}
		p.print("[", strings.Join(s, ","), "]")
	}
}

// contents writes the elements as far as the options say, or where they lie if that is another file. It prints what the
// tensor holds, be it more or less than its dimensions want: to compare them is the checker's task.
func (p *printer) contents(t *TensorPB) {
	if t.GetDataLocation() == pb.TensorProto_EXTERNAL {
		p.properties(t.GetExternalData())
		return
	}
	n, write := elements(t)
	if write == nil {
		p.print("{", ellipsis, "}")
		p.note("raw_data of %d bytes", len(t.GetRawData()))
		return
	}
	if bits := elemBits[pb.TensorProto_DataType(t.GetDataType())]; int64(len(t.GetRawData()))*8%max(bits, 1) != 0 {
		p.note("raw_data of %d bytes is no whole number of elements", len(t.GetRawData()))
	}
	shown := n
	if !p.o.Full && n > p.o.MaxElems {
		shown = min(shownElems, p.o.MaxElems)
	}
	p.print("{")
	// One buffer for all elements: a tensor may have millions. Only strings need a look at what they hold.
	text := pb.TensorProto_DataType(t.GetDataType()) == pb.TensorProto_STRING
	var b []byte
	for i := range shown {
		b = b[:0]
		if i > 0 {
			b = append(b, ", "...)
		}
		if b = write(b, i); text {
			p.print(string(b))
		} else {
			p.w.Write(b)
		}
	}
	if shown < n {
		p.print(", ", ellipsis)
		p.notes = append(p.notes, describe(t, n))
	}
	p.print("}")
}

// elements counts what t holds and gives a function that appends the text of one element. It is nil for raw data of a
// type that the syntax cannot write (those narrower than a byte). Types without literals of their own are written as
// ONNX writes them: 8- and 16-bit floats as the integer with their bits, complex numbers as two floats.
func elements(t *TensorPB) (n int, write func(b []byte, i int) []byte) {
	if raw := t.GetRawData(); len(raw) > 0 {
		return rawElements(raw, pb.TensorProto_DataType(t.GetDataType()))
	}
	float32s, float64s := t.GetFloatData(), t.GetDoubleData()
	int64s, uint64s, int32s, texts := t.GetInt64Data(), t.GetUint64Data(), t.GetInt32Data(), t.GetStringData()
	switch pb.TensorProto_DataType(t.GetDataType()) {
	case pb.TensorProto_FLOAT, pb.TensorProto_COMPLEX64:
		return len(float32s), func(b []byte, i int) []byte { return appendFloat(b, float64(float32s[i]), 32) }
	case pb.TensorProto_DOUBLE, pb.TensorProto_COMPLEX128:
		return len(float64s), func(b []byte, i int) []byte { return appendFloat(b, float64s[i], 64) }
	case pb.TensorProto_INT64:
		return len(int64s), func(b []byte, i int) []byte { return strconv.AppendInt(b, int64s[i], 10) }
	case pb.TensorProto_UINT32, pb.TensorProto_UINT64:
		return len(uint64s), func(b []byte, i int) []byte { return strconv.AppendUint(b, uint64s[i], 10) }
	case pb.TensorProto_STRING:
		return len(texts), func(b []byte, i int) []byte { return append(b, quote(string(texts[i]))...) }
	}
	return len(int32s), func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(int32s[i]), 10) }
}

// rawElements is elements for raw_data, which is little-endian on every machine.
func rawElements(raw []byte, d pb.TensorProto_DataType) (n int, write func(b []byte, i int) []byte) {
	le := binary.LittleEndian
	switch d {
	case pb.TensorProto_FLOAT, pb.TensorProto_COMPLEX64:
		return len(raw) / 4, func(b []byte, i int) []byte {
			return appendFloat(b, float64(math.Float32frombits(le.Uint32(raw[4*i:]))), 32)
		}
	case pb.TensorProto_DOUBLE, pb.TensorProto_COMPLEX128:
		return len(raw) / 8, func(b []byte, i int) []byte {
			return appendFloat(b, math.Float64frombits(le.Uint64(raw[8*i:])), 64)
		}
	case pb.TensorProto_INT64:
		return len(raw) / 8, func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(le.Uint64(raw[8*i:])), 10) }
	case pb.TensorProto_UINT64:
		return len(raw) / 8, func(b []byte, i int) []byte { return strconv.AppendUint(b, le.Uint64(raw[8*i:]), 10) }
	case pb.TensorProto_INT32:
		return len(raw) / 4, func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(int32(le.Uint32(raw[4*i:]))), 10) }
	case pb.TensorProto_UINT32:
		return len(raw) / 4, func(b []byte, i int) []byte { return strconv.AppendUint(b, uint64(le.Uint32(raw[4*i:])), 10) }
	case pb.TensorProto_INT16:
		return len(raw) / 2, func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(int16(le.Uint16(raw[2*i:]))), 10) }
	case pb.TensorProto_INT8:
		return len(raw), func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(int8(raw[i])), 10) }
	}
	switch elemBits[d] {
	case 16:
		return len(raw) / 2, func(b []byte, i int) []byte { return strconv.AppendUint(b, uint64(le.Uint16(raw[2*i:])), 10) }
	case 8:
		return len(raw), func(b []byte, i int) []byte { return strconv.AppendUint(b, uint64(raw[i]), 10) }
	}
	return 0, nil
}

// floatText is appendFloat as a string.
func floatText(f float64, bits int) string { return string(appendFloat(nil, f, bits)) }

// appendFloat writes the shortest text that reads back as the same number of the given width.
func appendFloat(b []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f) && math.Signbit(f):
		return append(b, "-nan"...)
	case math.IsNaN(f):
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	}
	return strconv.AppendFloat(b, f, 'g', -1, bits)
}

// describe sums up a tensor whose elements are not all written.
func describe(t *TensorPB, n int) string {
	out := strconv.Itoa(n) + " elements"
	v, err := Decode(t)
	if err != nil {
		return out + ", " + err.Error()
	}
	if lo, hi, ok := valueRange(v); ok {
		out += ", " + lo + " to " + hi
	}
	if raw, err := rawOf(t); err == nil && len(raw) > 0 {
		out += ", crc32 " + strconv.FormatUint(uint64(crc32.ChecksumIEEE(raw))|1<<32, 16)[1:]
	}
	return out
}

// valueRange gives the least and the greatest number in v, to four digits where they are floats; ok is false where no
// two elements compare.
func valueRange(v *tensor.Tensor) (lo, hi string, ok bool) {
	switch d := v.Data.(type) {
	case []float32:
		return floatRange(len(d), func(i int) float64 { return float64(d[i]) })
	case []float64:
		return floatRange(len(d), func(i int) float64 { return d[i] })
	case []tensor.F16:
		return floatRange(len(d), func(i int) float64 { return float64(d[i].Float32()) })
	case []tensor.BF16:
		return floatRange(len(d), func(i int) float64 { return float64(d[i].Float32()) })
	case []uint64:
		return intRange(d, strconv.FormatUint)
	}
	ints, err := v.Ints()
	if err != nil {
		return "", "", false
	}
	return intRange(ints, func(x int, base int) string { return strconv.FormatInt(int64(x), base) })
}

// floatRange leaves NaNs out; ok is false if nothing else is there.
func floatRange(n int, at func(i int) float64) (lo, hi string, ok bool) {
	least, greatest := math.Inf(1), math.Inf(-1)
	for i := range n {
		if f := at(i); f == f {
			least, greatest, ok = min(least, f), max(greatest, f), true
		}
	}
	return strconv.FormatFloat(least, 'g', 4, 64), strconv.FormatFloat(greatest, 'g', 4, 64), ok
}

// intRange is valueRange for integers of either kind.
func intRange[T int | uint64](s []T, format func(T, int) string) (lo, hi string, ok bool) {
	if len(s) == 0 {
		return "", "", false
	}
	least, greatest := s[0], s[0]
	for _, x := range s {
		least, greatest = min(least, x), max(greatest, x)
	}
	return format(least, 10), format(greatest, 10), true
}
