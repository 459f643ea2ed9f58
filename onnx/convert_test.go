package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// texts writes every element of t as testdata/tensors.py writes those of NumPy.
func texts(t *tensor.Tensor) []string {
	float := func(f float64) string {
		s := strconv.FormatFloat(f, 'g', -1, 64)
		switch {
		case strings.HasSuffix(s, "Inf"):
			return strings.ToLower(strings.TrimPrefix(s, "+"))
		case !strings.ContainsAny(s, ".e"):
			s += ".0"
		}
		return s
	}
	out := []string{}
	v := reflect.ValueOf(t.Data)
	for i := range v.Len() {
		switch x := v.Index(i).Interface().(type) {
		case float32:
			out = append(out, float(float64(x)))
		case float64:
			out = append(out, float(x))
		case tensor.F16:
			out = append(out, float(float64(x.Float32())))
		case tensor.BF16:
			out = append(out, float(float64(x.Float32())))
		default:
			out = append(out, fmt.Sprint(x))
		}
	}
	return out
}

// same compares numbers by value, since Python and Go write some exponents differently.
func same(a, b string) bool {
	x, err := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	_, notInt := strconv.ParseInt(a, 10, 64)
	return a == b || err == nil && err2 == nil && notInt != nil && x == y && strings.HasPrefix(a, "-") == strings.HasPrefix(b, "-")
}

func TestDecodeAgreesWithONNX(t *testing.T) {
	data, err := os.ReadFile("testdata/tensors.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, DType string
		Shape       []int
		Values      []string
		Proto       []byte
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 30 {
		t.Fatal(len(cases), err)
	}
	for _, c := range cases {
		p := new(TensorPB)
		if err := proto.Unmarshal(c.Proto, p); err != nil {
			t.Fatal(err)
		}
		v, err := Decode(p)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		have := texts(v)
		if v.DType.String() != c.DType || !slices.Equal(v.Shape, c.Shape) || !slices.EqualFunc(have, c.Values, same) {
			t.Errorf("%s: %s %q, want %s%v %q", c.Name, v, have, c.DType, c.Shape, c.Values)
		}
		if v.NumElems() != v.Len() {
			t.Errorf("%s: %d elements for %s", c.Name, v.Len(), v)
		}
		// Encode gives raw data (strings: string_data), which numpy_helper gives too.
		enc := Encode(p.GetName(), v)
		if strings.HasSuffix(c.Name, " raw") && !proto.Equal(enc, p) {
			t.Errorf("%s: encoded again it is\n%v, want\n%v", c.Name, enc, p)
		}
		again, err := Decode(enc)
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Errorf("%s: encoded and decoded it is %v, %v", c.Name, again, err)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct {
		p    *TensorPB
		want string
	}{
		{nil, "it has no element type"},
		{&TensorPB{DataType: 1, Dims: []int64{2, -1}}, "dimension 1 is -1, want 0 or more"},
		{&TensorPB{DataType: 1, Dims: []int64{1 << 32, 1 << 32}}, "has more elements than an int counts"},
		{&TensorPB{DataType: 1, Dims: []int64{1 << 62}, RawData: make([]byte, 8)}, "want 4611686018427387904 elements, raw_data holds 2"},
		{&TensorPB{DataType: 1, Dims: []int64{2}}, "dimensions [2] want 2 elements, float_data holds 0"},
		{&TensorPB{DataType: 1, Dims: []int64{2}, RawData: make([]byte, 9)}, "raw_data of 9 bytes is no whole number of elements of type float"},
		{&TensorPB{DataType: 8, Dims: []int64{2}, RawData: make([]byte, 2)}, "raw_data of 2 bytes is no whole number of elements of type string"},
		{&TensorPB{DataType: 1, Dims: []int64{2}, Int32Data: []int32{1, 2}}, "float_data holds 0"},
		{&TensorPB{DataType: 1, Dims: []int64{1}, FloatData: []float32{1}, RawData: make([]byte, 4)}, "but raw_data holds data too"},
		{&TensorPB{DataType: 1, Dims: []int64{0}, Int64Data: []int64{1}}, "want 0 elements in one field, but int64_data holds data too"},
		{&TensorPB{DataType: 14, Dims: []int64{1}, FloatData: []float32{1, 2}}, "elements of type complex64 are not supported"},
		{&TensorPB{DataType: 22, Dims: []int64{2}, RawData: []byte{0x21}}, "elements of type type#22 are not supported"},
		{&TensorPB{DataType: 1, Dims: []int64{1}, DataLocation: pb.TensorProto_EXTERNAL}, "its data is in an external file that has not been loaded"},
	} {
		if c.p != nil {
			c.p.Name = "w"
		}
		v, err := Decode(c.p)
		if !errors.Is(err, ErrTensor) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, %v; want %s", c.p, v, err, c.want)
		}
	}
}

func TestModelHelpers(t *testing.T) {
	m := addModel(2)
	if n := Opset(m); n != 17 {
		t.Errorf("opset %d", n)
	}
	m.OpsetImport = []*OpsetID{{Domain: "ai.onnx.ml", Version: 3}, {Domain: "ai.onnx", Version: 13}}
	if n := Opset(m); n != 13 {
		t.Errorf("opset %d", n)
	}
	if n := Opset(nil); n != 0 {
		t.Errorf("opset of nothing is %d", n)
	}
	SetMetadata(m, "a", "1")
	SetMetadata(m, "b", "2")
	SetMetadata(m, "a", "3")
	if md := Metadata(m); len(md) != 2 || md["a"] != "3" || md["b"] != "2" || len(m.MetadataProps) != 2 {
		t.Errorf("metadata %v", m.MetadataProps)
	}
	if is := Initializers(m.Graph); len(is) != 1 || is["w"] != m.Graph.Initializer[0] {
		t.Errorf("initializers %v", is)
	}
	n := NewNode("Op", "n", []string{"x"}, []string{"y"}, AttrInt("i", -1), AttrFloat("f", 0.5), AttrString("s", "a b"),
		AttrInts("is", 1, 2), AttrFloats("fs", 1, 2.5), AttrTensor("t", Encode("", tensor.Of([]int32{7}, 1))))
	g := &Graph{Name: "g", Node: []*Node{n}, Input: []*ValueInfo{
		NewValueInfo("x", tensor.Float16, []*Dim{NamedDim("N"), FixedDim(3)}), NewValueInfo("r", tensor.Bool, nil), NewValueInfo("s", tensor.Int64, FixedDims())}}
	want := `<
   ir_version: 0,
   opset_import: []
>
g (float16[N,3] x, bool[] r, int64 s) => () {
   [n] y = Op <i = -1, f = 0.5, s = "a b", is = [1, 2], fs = [1.0, 2.5], t = int32[1] {7}> (x)
}
`
	if have := format(t, &Model{Graph: g}, TextOptions{}); have != want {
		t.Errorf("have\n%s\nwant\n%s", have, want)
	}
}
