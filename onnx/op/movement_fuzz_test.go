package op

import (
	"math"
	"testing"

	"autodeeplab/onnx/tensor"
)

// fuzzBytes hands out bytes of a fuzzer's input, then zeros.
type fuzzBytes []byte

func (b *fuzzBytes) next(below int) int {
	if len(*b) == 0 {
		return 0
	}
	v := int((*b)[0]) % below
	*b = (*b)[1:]
	return v
}

var fuzzInts = []int64{0, 1, -1, 2, 3, -2, 7, 100000, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64, 1 << 40, -1 << 40}

func (b *fuzzBytes) int() int64 { return fuzzInts[b.next(len(fuzzInts))] }

func (b *fuzzBytes) dim() Dim {
	switch v := b.int(); {
	case v >= 0:
		return Known(int(v))
	case v == -1:
		return Named("")
	default:
		return Named("N")
	}
}

// info makes an input of type d: constant, a list that is partly known, or unknown to any degree.
func (b *fuzzBytes) info(d tensor.DType) *Info {
	switch kind := b.next(8); {
	case kind < 3 && d == tensor.Int64:
		v := make([]int64, b.next(5))
		for i := range v {
			v[i] = b.int()
		}
		info := Const(tensor.Of(v, len(v)))
		if len(v) == 1 && kind == 0 {
			info = Const(tensor.Scalar(v[0]))
		}
		return &info
	case kind == 3 && d == tensor.Int64:
		info := &Info{DType: d, Shape: make([]Dim, b.next(5))}
		for i := range info.Shape {
			info.Shape[i] = b.dim()
		}
		info.Dims = []Dim{Known(len(info.Shape))}
		return info
	case kind == 4:
		return &Info{DType: d}
	case kind == 5:
		return nil
	}
	info := &Info{DType: d, Dims: make([]Dim, b.next(5))}
	for i := range info.Dims {
		info.Dims[i] = b.dim()
	}
	return info
}

// FuzzMovementRules calls the shape rules of this family with whatever may be known or not known of hostile inputs.
// None may panic or make more than the limits allow.
func FuzzMovementRules(f *testing.F) {
	ops := []string{"Concat", "Split", "Slice", "Gather", "Pad", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose",
		"Expand", "Tile", "Shape", "Size", "ConstantOfShape", "Range", "Identity"}
	for i := range ops {
		for k := range byte(8) {
			f.Add([]byte{byte(i), k, k, 3, 1, k, 2, 1, k, 7, 3, 3, 0, 2, k, k, 1, 4, 2, 9})
		}
	}
	limits := Limits{MaxElems: 1 << 30, MaxFold: 1 << 10, MaxDims: 6}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := fuzzBytes(data)
		name := ops[b.next(len(ops))]
		opset := 7 + b.next(20)
		schema, err := Lookup("", name, opset)
		if err != nil {
			return
		}
		attrs := Attributes{}
		for _, a := range schema.Attrs {
			switch {
			case a.Kind == Int && (a.Required || b.next(2) == 1):
				attrs[a.Name] = b.int()
			case a.Kind == Ints && (a.Required || b.next(2) == 1):
				list := make([]int64, b.next(5))
				for i := range list {
					list[i] = b.int()
				}
				attrs[a.Name] = list
			case a.Name == "mode":
				attrs[a.Name] = []string{"constant", "reflect", "edge", "wrap"}[b.next(4)]
			case a.Default != nil:
				attrs[a.Name] = a.Default
			}
		}
		call := &Call{Schema: schema, Opset: opset, Attrs: attrs, Limits: &limits, Out: make([]Info, 1+b.next(3))}
		for i := range schema.MinInputs + b.next(4) {
			p, ok := schema.Input(i)
			if !ok {
				break
			}
			d := tensor.Int64
			if i == 0 && b.next(2) == 0 && p.Types.Has(tensor.Float32) {
				d = tensor.Float32
			}
			call.In = append(call.In, b.info(d))
		}
		if Infer(call) != nil {
			return
		}
		for i := range call.Out {
			out := &call.Out[i]
			if out.Shape != nil && (!out.HasRank() || out.Rank() > 1 || listLen(out) != len(out.Shape)) {
				t.Fatalf("%s: %s has contents %v", name, out, out.Shape)
			}
			if v := out.Value; v != nil {
				if c := Const(v); c.String() != out.String() || v.NumElems() != v.Len() {
					t.Fatalf("%s: %s has the contents of %s", name, out, v)
				}
			}
		}
	})
}
