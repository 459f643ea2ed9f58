package onnx

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestSaveOneFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "net.onnx")
	m := addModel(1000)
	for range 2 { // the second time over the first one's file
		if err := Save(path, m, SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		have, err := Load(path, LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, m, have)
	}
	if names := files(t, dir); names != "net.onnx" {
		t.Errorf("the folder holds %s", names)
	}
	data, _ := os.ReadFile(path)
	if !bytes.Equal(data, marshal(t, proto.CloneOf(m))) {
		t.Error("Save and Marshal of equal models differ")
	}
}

// mixedModel has initializers of several sizes, types and ways to keep data.
func mixedModel() *Model {
	m := addModel(300) // 1200 bytes
	m.Graph.Initializer = append(m.Graph.Initializer,
		Encode("small", tensor.Of([]int64{1, 2, 3}, 3)),
		&TensorPB{Name: "typed", Dims: []int64{600}, DataType: int32(tensor.Float16), Int32Data: make([]int32, 600)},
		Encode("large", tensor.Of(make([]float64, 1<<17), 1<<17)), // 1 MiB
		Encode("text", tensor.Of(make([]string, 2000), 2000)),
		Encode("bytes", tensor.Of(bytes.Repeat([]byte{7}, 1025), 1025)),
		&TensorPB{Name: "broken", Dims: []int64{1 << 40}, DataType: int32(tensor.Float32), RawData: make([]byte, 2000)},
	)
	m.Graph.Initializer[2].Int32Data[599] = 0x3c00
	return m
}

func TestSaveExternal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "net.onnx")
	m := mixedModel()
	before := proto.CloneOf(m)
	if err := Save(path, m, SaveOptions{External: ExternalAlways}); err != nil {
		t.Fatal(err)
	}
	equal(t, before, m)
	if names := files(t, dir); names != "net.onnx net.onnx.data" {
		t.Errorf("the folder holds %s", names)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	slim := new(Model)
	if err := proto.Unmarshal(raw, slim); err != nil {
		t.Fatal(err)
	}
	offsets := map[string]string{}
	for _, p := range slim.Graph.Initializer {
		if p.DataLocation == pb.TensorProto_EXTERNAL {
			offsets[p.Name] = p.ExternalData[1].Value + "+" + p.ExternalData[2].Value
		}
	}
	want := map[string]string{"w": "0+1200", "typed": "1216+1200", "large": "4096+1048576", "bytes": "1052672+1025"}
	for name, at := range want {
		if offsets[name] != at {
			t.Errorf("%s lies at %q, want %q", name, offsets[name], at)
		}
	}
	if len(offsets) != len(want) {
		t.Errorf("moved out: %v", offsets)
	}
	have, err := Load(path, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sameModel(t, m, have)
	// The same bytes again, and in one file again.
	data, _ := os.ReadFile(filepath.Join(dir, "net.onnx.data"))
	if err := Save(path, have, SaveOptions{External: ExternalAlways}); err != nil {
		t.Fatal(err)
	}
	raw2, _ := os.ReadFile(path)
	data2, _ := os.ReadFile(filepath.Join(dir, "net.onnx.data"))
	if !bytes.Equal(raw, raw2) || !bytes.Equal(data, data2) {
		t.Error("saving what was loaded gives other files")
	}
}

func TestSaveExternalOptions(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "net.onnx")
	m := mixedModel()
	count := func(o SaveOptions, limit int) (moved int, err error) {
		if err := save(path, m, o, limit); err != nil {
			return 0, err
		}
		slim := readModel(t, path)
		for _, p := range slim.Graph.Initializer {
			if p.DataLocation == pb.TensorProto_EXTERNAL {
				moved++
			}
		}
		return moved, nil
	}
	size := proto.Size(m)
	for _, c := range []struct {
		o     SaveOptions
		limit int
		moved int
		err   error
	}{
		{SaveOptions{}, size, 0, nil},
		{SaveOptions{}, size - 1, 4, nil},
		{SaveOptions{External: ExternalNever}, size - 1, 0, ErrTooLarge},
		{SaveOptions{External: ExternalAlways, Threshold: 1}, size, 5, nil},
		{SaveOptions{External: ExternalAlways, Threshold: 1 << 20}, size, 1, nil},
		{SaveOptions{External: ExternalAlways, Threshold: 1 << 30}, size, 0, nil},
		{SaveOptions{External: ExternalAlways, Threshold: 1 << 30}, size - 1, 0, ErrTooLarge},
		{SaveOptions{External: ExternalAlways, DataName: "weights.bin"}, size, 4, nil},
	} {
		moved, err := count(c.o, c.limit)
		if moved != c.moved || !errors.Is(err, c.err) {
			t.Errorf("%+v with limit %d: %d moved, %v; want %d, %v", c.o, c.limit, moved, err, c.moved, c.err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "weights.bin")); err != nil {
		t.Error(err)
	}
}

func TestSaveRefusesToLeaveTheFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "models")
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "net.onnx")
	for _, name := range []string{"../w.data", "/w.data", "sub/w.data", "a/../../w.data", `..\w.data`, "..", ".", "net.onnx", "./net.onnx", "c:w", "w\x00"} {
		err := Save(path, addModel(1000), SaveOptions{External: ExternalAlways, DataName: name})
		if !errors.Is(err, ErrExternal) || !strings.HasPrefix(err.Error(), "saving "+path+": bad external data: ") {
			t.Errorf("%q: error %v", name, err)
		}
	}
	// A location that a model brings along is never written to: its data must be here first.
	m := externalModel("location", "../w.data")
	if err := Save(path, m, SaveOptions{External: ExternalAlways}); !errors.Is(err, ErrExternal) {
		t.Errorf("a model with external tensors: %v", err)
	}
	// A link in the data file's place is replaced, not followed.
	outside := filepath.Join(filepath.Dir(dir), "outside")
	write(t, outside, []byte("mine"))
	if err := os.Symlink(outside, path+".data"); err == nil {
		if err := Save(path, addModel(1000), SaveOptions{External: ExternalAlways}); err != nil {
			t.Fatal(err)
		}
		if data, _ := os.ReadFile(outside); string(data) != "mine" {
			t.Error("the file behind the link was overwritten")
		}
		if _, err := Load(path, LoadOptions{}); err != nil {
			t.Error(err)
		}
	}
	if names := files(t, filepath.Dir(dir)); names != "models outside" {
		t.Errorf("the folder above holds %s", names)
	}
}

func TestFailedSaveLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "net.onnx")
	// A folder in the data file's place makes its rename fail, after all has been written.
	if err := os.MkdirAll(filepath.Join(path+".data", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"net.onnx.data", "net.onnx net.onnx.data"} {
		if err := Save(path, addModel(1000), SaveOptions{External: ExternalAlways}); err == nil {
			t.Error("saving over a folder succeeds")
		}
		if names := files(t, dir); names != want {
			t.Errorf("the folder holds %s, want %s", names, want)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil { // an old model, which must stay
			t.Fatal(err)
		}
	}
	// A folder in the model's place makes the second rename fail: the data file goes again.
	dir = t.TempDir()
	path = filepath.Join(dir, "net.onnx")
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Save(path, addModel(1000), SaveOptions{External: ExternalAlways}); err == nil {
		t.Error("saving over a folder succeeds")
	}
	if names := files(t, dir); names != "net.onnx" {
		t.Errorf("the folder holds %s", names)
	}
	if err := Save(filepath.Join(dir, "none", "net.onnx"), addModel(1), SaveOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}
