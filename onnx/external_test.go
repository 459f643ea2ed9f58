package onnx

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// externalModel is addModel(4) whose weights lie where entries (key, value, key, value …) say.
func externalModel(entries ...string) *Model {
	m := addModel(4)
	w := m.Graph.Initializer[0]
	w.RawData = nil
	w.DataLocation = pb.TensorProto_EXTERNAL
	for i := 0; i < len(entries); i += 2 {
		w.ExternalData = append(w.ExternalData, &Property{Key: entries[i], Value: entries[i+1]})
	}
	return m
}

// saveWith writes m and a data file of 64 bytes, 0 to 63, into a new folder.
func saveWith(t *testing.T, m *Model) (path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "net.onnx")
	write(t, path, marshal(t, m))
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "w.bin"), counting)
	write(t, filepath.Join(dir, "sub", "w.bin"), counting)
	return path
}

var counting = func() []byte {
	b := make([]byte, 64)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}()

func TestLoadExternal(t *testing.T) {
	sum := sha1.Sum(counting)
	for name, c := range map[string]struct {
		entries []string
		at      int
	}{
		"whole":     {[]string{"location", "w.bin", "offset", "0", "length", "16"}, 0},
		"offset":    {[]string{"location", "w.bin", "offset", "48", "length", "16"}, 48},
		"no length": {[]string{"location", "w.bin", "offset", "5"}, 5},
		"no offset": {[]string{"length", "16", "location", "w.bin"}, 0},
		"subfolder": {[]string{"location", "sub/w.bin"}, 0},
		"dots":      {[]string{"location", "./sub/./w.bin"}, 0},
		"checksum":  {[]string{"location", "w.bin", "checksum", strings.ToUpper(hex.EncodeToString(sum[:]))}, 0},
		"other key": {[]string{"location", "w.bin", "basepath", "../../elsewhere", "__class__", "x"}, 0},
	} {
		m, err := Load(saveWith(t, externalModel(c.entries...)), LoadOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		w := m.Graph.Initializer[0]
		if !bytes.Equal(w.RawData, counting[c.at:c.at+16]) || w.DataLocation != pb.TensorProto_DEFAULT || w.ExternalData != nil {
			t.Errorf("%s: the tensor became %v", name, w)
		}
	}
}

// Tensors in attributes, subgraphs, functions and sparse tensors may be external too, and share a file.
func TestLoadExternalEverywhere(t *testing.T) {
	ext := func(n int, location, offset string) *TensorPB {
		return &TensorPB{Name: "t", Dims: []int64{int64(n)}, DataType: int32(tensor.Uint8), DataLocation: pb.TensorProto_EXTERNAL,
			ExternalData: []*Property{{Key: "location", Value: location}, {Key: "offset", Value: offset}}}
	}
	m := addModel(1)
	m.Graph.Initializer = append(m.Graph.Initializer, ext(0, "w.bin", "64"))
	sub := &Graph{Name: "s", Initializer: []*TensorPB{ext(2, "sub/w.bin", "2")}}
	m.Graph.Node = append(m.Graph.Node, NewNode("Constant", "", nil, []string{"c"}, AttrTensor("value", ext(3, "w.bin", "3")),
		&Attribute{Name: "g", G: sub}, &Attribute{Name: "gs", Graphs: []*Graph{sub}}, &Attribute{Name: "ts", Tensors: []*TensorPB{ext(4, "w.bin", "4")}}))
	m.Graph.SparseInitializer = []*pb.SparseTensorProto{{Values: ext(5, "w.bin", "5"), Indices: ext(6, "w.bin", "6")}}
	m.Functions = []*pb.FunctionProto{{Name: "f", Node: []*Node{NewNode("Constant", "", nil, []string{"c"}, AttrTensor("value", ext(7, "w.bin", "7")))}}}
	m, err := Load(saveWith(t, m), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	_ = eachTensor(m, func(p *TensorPB) error {
		if p.GetName() == "t" {
			seen++
			n := int(p.Dims[0])
			if p.DataLocation != pb.TensorProto_DEFAULT || !bytes.Equal(p.RawData, counting[n:2*n]) {
				t.Errorf("tensor of %d bytes became %v", n, p)
			}
		}
		return nil
	})
	if seen != 8 {
		t.Errorf("%d tensors found, want 8", seen)
	}
}

func TestLoadRefusesExternal(t *testing.T) {
	with := func(dims []int64, d tensor.DType) *Model {
		m := externalModel("location", "w.bin")
		m.Graph.Initializer[0].Dims = dims
		m.Graph.Initializer[0].DataType = int32(d)
		return m
	}
	both := externalModel("location", "w.bin")
	both.Graph.Initializer[0].FloatData = []float32{1}
	for name, c := range map[string]struct {
		m    *Model
		want string
	}{
		"no entries":      {externalModel(), "it names no location"},
		"empty":           {externalModel("location", ""), `location "" is empty`},
		"twice":           {externalModel("location", "w.bin", "location", "w.bin"), `key "location" stands twice`},
		"missing":         {externalModel("location", "x.bin"), "there is no such file in the model's folder"},
		"absolute":        {externalModel("location", "/etc/passwd"), "is an absolute path"},
		"drive":           {externalModel("location", "c:w.bin"), "is an absolute path"},
		"parent":          {externalModel("location", "../w.bin"), `contains ".."`},
		"nested":          {externalModel("location", "sub/../../w.bin"), `contains ".."`},
		"inside":          {externalModel("location", "sub/../w.bin"), `contains ".."`},
		"backslash":       {externalModel("location", `sub\w.bin`), "contains a backslash"},
		"NUL":             {externalModel("location", "w.bin\x00.txt"), "contains a NUL character"},
		"folder":          {externalModel("location", "sub"), "it is no regular file"},
		"itself":          {externalModel("location", "."), "names no file below the model's folder"},
		"file as folder":  {externalModel("location", "w.bin/x"), "w.bin"},
		"negative offset": {externalModel("location", "w.bin", "offset", "-1"), `offset "-1" is no count of bytes`},
		"huge offset":     {externalModel("location", "w.bin", "offset", "9223372036854775807"), "bytes 9223372036854775807 to 9223372036854775807 are wanted"},
		"odd offset":      {externalModel("location", "w.bin", "offset", "0x10"), `offset "0x10" is no count of bytes`},
		"negative length": {externalModel("location", "w.bin", "length", "-1"), `length "-1" is no count of bytes`},
		"short length":    {externalModel("location", "w.bin", "length", "12"), "length is 12 bytes, type and dimensions want 16"},
		"past the end":    {externalModel("location", "w.bin", "offset", "49", "length", "16"), `bytes 49 to 65 are wanted of "w.bin", which has 64`},
		"checksum":        {externalModel("location", "w.bin", "checksum", "00"), `the SHA-1 of "w.bin" is `},
		"overflow":        {with([]int64{1 << 40, 1 << 40}, tensor.Float32), "have more bytes than can be counted"},
		"negative dim":    {with([]int64{-4}, tensor.Float32), "dimension 0 is -4"},
		"far too large":   {with([]int64{1 << 40}, tensor.Float32), "have more than 17179869184 bytes"},
		"strings":         {with([]int64{4}, tensor.String), "elements of type STRING cannot lie in raw bytes"},
		"data inside too": {both, "it also holds float_data"},
	} {
		path := saveWith(t, c.m)
		_, err := Load(path, LoadOptions{})
		if !errors.Is(err, ErrExternal) || !strings.HasPrefix(err.Error(), path+`: bad external data: tensor "w": `) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\nhave %v\nwant … %s", name, err, c.want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error %q has several lines", name, err)
		}
	}
	_, err := Load(saveWith(t, externalModel("location", "w.bin")), LoadOptions{MaxExternal: 15})
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
	_, err = Unmarshal(marshal(t, externalModel("location", "w.bin")), LoadOptions{})
	if !errors.Is(err, ErrExternal) || !strings.Contains(err.Error(), `tensor "w" is in another file; use Load with the model's path`) {
		t.Errorf("Unmarshal: %v", err)
	}
}

func TestLoadRefusesLinks(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, counting)
	for name, c := range map[string]struct {
		location, want string
		link           func(dir string) error
	}{
		"symlink out": {"l.bin", "l.bin is a symbolic link", func(dir string) error { return os.Symlink(secret, filepath.Join(dir, "l.bin")) }},
		"symlink in":  {"l.bin", "l.bin is a symbolic link", func(dir string) error { return os.Symlink("w.bin", filepath.Join(dir, "l.bin")) }},
		"linked folder": {"ldir/secret", "ldir is a symbolic link", func(dir string) error {
			return os.Symlink(filepath.Dir(secret), filepath.Join(dir, "ldir"))
		}},
		"hard link": {"h.bin", "it has 2 hard links", func(dir string) error { return os.Link(secret, filepath.Join(dir, "h.bin")) }},
	} {
		path := saveWith(t, externalModel("location", c.location))
		if err := c.link(filepath.Dir(path)); err != nil {
			t.Logf("%s: this system makes no such link: %v", name, err)
			continue
		}
		_, err := Load(path, LoadOptions{})
		if !errors.Is(err, ErrExternal) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
}
