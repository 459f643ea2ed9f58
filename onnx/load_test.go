package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// addModel is y = x + w with n floats of weights.
func addModel(n int) *Model {
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(i)
	}
	return &Model{
		IrVersion: 8, OpsetImport: []*OpsetID{{Version: 17}}, ProducerName: "test",
		Graph: &Graph{
			Name:        "add",
			Input:       []*ValueInfo{NewValueInfo("x", tensor.Float32, FixedDims(n))},
			Output:      []*ValueInfo{NewValueInfo("y", tensor.Float32, FixedDims(n))},
			Initializer: []*TensorPB{Encode("w", tensor.Of(w, n))},
			Node:        []*Node{NewNode("Add", "sum", []string{"x", "w"}, []string{"y"})},
		},
	}
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func marshal(t testing.TB, m *Model) []byte {
	t.Helper()
	data, err := Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func equal(t *testing.T, want, have *Model) {
	t.Helper()
	if !proto.Equal(want, have) { // cmp takes its time over weights
		t.Errorf("(-want +have):\n%s", cmp.Diff(want, have, protocmp.Transform()))
	}
}

func TestUnmarshalIsProtobufsUnmarshal(t *testing.T) {
	// Blobs in all places, those that are split off and those (subgraph, sparse) that are not.
	m := addModel(10)
	k := Encode("k", tensor.Of([]int64{1, 2, 3}, 3))
	sub := &Graph{Name: "sub", Initializer: []*TensorPB{Encode("s", tensor.Scalar(float32(1)))}}
	m.Graph.Node = append(m.Graph.Node, NewNode("Constant", "c", nil, []string{"k"}, AttrTensor("value", k), AttrInts("n", 1)),
		NewNode("If", "i", []string{"b"}, []string{"z"}, &Attribute{Name: "then_branch", Type: pb.AttributeProto_GRAPH, G: sub},
			&Attribute{Name: "ts", Type: pb.AttributeProto_TENSORS, Tensors: []*TensorPB{k}}))
	m.Graph.SparseInitializer = []*pb.SparseTensorProto{{Values: k, Indices: k, Dims: []int64{9}}}
	m.Graph.Initializer = append(m.Graph.Initializer, &TensorPB{Name: "empty", Dims: []int64{0}, DataType: 1},
		&TensorPB{Name: "typed", Dims: []int64{1}, DataType: 1, FloatData: []float32{3}})
	data := marshal(t, m)
	have, err := Unmarshal(data, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, m, have)
	// A graph in two pieces, and raw_data that stands twice: fields add up and the last value counts.
	tensorTwice := protowire.AppendBytes(protowire.AppendTag(nil, 9, protowire.BytesType), []byte("first one"))
	tensorTwice = protowire.AppendBytes(protowire.AppendTag(tensorTwice, 9, protowire.BytesType), []byte("last"))
	graph := protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), tensorTwice)
	data = protowire.AppendBytes(protowire.AppendTag(data, 7, protowire.BytesType), graph)
	have, err = Unmarshal(data, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := new(Model)
	if err := proto.Unmarshal(data, want); err != nil {
		t.Fatal(err)
	}
	if n := len(want.Graph.Initializer); n != 4 || string(want.Graph.Initializer[3].RawData) != "last" {
		t.Fatalf("protobuf itself reads %v", want.Graph.Initializer)
	}
	equal(t, want, have)
}

func TestUnmarshalSharesMemory(t *testing.T) {
	data := marshal(t, addModel(1<<16))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := Unmarshal(data, LoadOptions{})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(len(data))/8 {
		t.Errorf("reading a model of %d bytes allocates %d more", len(data), n)
	}
	if len(m.Graph.Initializer[0].RawData) != 4<<16 {
		t.Error("the weights are gone")
	}
}

func TestNotAModel(t *testing.T) {
	good := marshal(t, addModel(100))
	noGraph := proto.CloneOf(addModel(1))
	noGraph.Graph = nil
	noOpset := proto.CloneOf(addModel(1))
	noOpset.OpsetImport = nil
	deep := &Graph{Name: "g"}
	for range 60 {
		deep = &Graph{Node: []*Node{{Attribute: []*Attribute{{Name: "g", G: deep}}}}}
	}
	raw := func(m *Model) []byte { b, _ := proto.Marshal(m); return b }
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                    {nil, "empty file"},
		"truncated":                {good[:len(good)-1], "it is cut off: field 8 does not fit the 2 bytes that are left"},
		"truncated in the weights": {good[:300], "it is cut off: field 7 does not fit the"},
		"damaged":                  {append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, good...), "its protobuf message is damaged"},
		"wrong wire":               {[]byte{0x0a, 0x01, 0x07, 0x04}, "its protobuf message is damaged"},
		"no graph":                 {raw(noGraph), "it has no graph"},
		"no opset":                 {raw(noOpset), "it imports no operator set"},
		"too deep":                 {raw(&Model{Graph: deep}), "messages are nested more than 100 deep"},
		"not UTF-8":                {[]byte{0x12, 0x01, 0xff}, "a name or text in it is not valid UTF-8"},
		"PNG":                      {[]byte("\x89PNG\r\n\x1a\n0123"), "it looks like a PNG image"},
		"JPEG":                     {[]byte("\xff\xd8\xff\xe0\x00\x10JFIF"), "it looks like a JPEG image"},
		"PyTorch":                  {[]byte("PK\x03\x04\x00\x00\x08\x08"), "it looks like a ZIP archive (a PyTorch checkpoint is one; export it to ONNX first)"},
		"text":                     {[]byte("Lorem ipsum dolor sit amet"), "it looks like text"},
		"LFS":                      {[]byte("version https://git-lfs.example/spec/v1\noid sha256:0\n"), "it looks like a Git LFS pointer (fetch the file itself with git lfs pull)"},
	} {
		_, err := Unmarshal(c.data, LoadOptions{})
		if !errors.Is(err, ErrNotModel) || !strings.HasPrefix(err.Error(), "not an ONNX model: "+c.want) {
			t.Errorf("%s: error %q, want %q", name, err, c.want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error %q has several lines", name, err)
		}
	}
}

func TestLoadErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "net.onnx")
	check := func(o LoadOptions, want string, is error) {
		t.Helper()
		_, err := Load(path, o)
		if err == nil || err.Error() != path+": "+want {
			t.Errorf("error %q, want %q", err, path+": "+want)
		}
		if !errors.Is(err, is) {
			t.Errorf("error %v is no %v", err, is)
		}
	}
	check(LoadOptions{}, "no such file or directory", os.ErrNotExist)
	write(t, path, nil)
	check(LoadOptions{}, "not an ONNX model: empty file", ErrNotModel)
	data := marshal(t, addModel(10))
	write(t, path, data)
	if _, err := Load(path, LoadOptions{MaxProto: int64(len(data))}); err != nil {
		t.Error(err)
	}
	check(LoadOptions{MaxProto: 100}, "too large: "+itoa(len(data))+" bytes, at most 100 are allowed (--limit model-bytes)", ErrTooLarge)
	if _, err := Unmarshal(data, LoadOptions{MaxProto: 100}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Unmarshal over the limit gives %v", err)
	}
	path = dir
	check(LoadOptions{}, "not an ONNX model: it is a folder", ErrNotModel)
}

func itoa(n int) string { return string(appendFloat(nil, float64(n), 64)) }
