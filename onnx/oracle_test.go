//go:build oracle

package onnx

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/internal/testenv"
)

// TestONNXTestData takes every model of ONNX's own test data through Load (against protobuf's plain reading), Marshal,
// Format and Parse, and decodes every tensor.
func TestONNXTestData(t *testing.T) {
	models := 0
	err := filepath.WalkDir(testenv.ONNXTestData(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".onnx" {
			return err
		}
		models++
		m, err := Load(path, LoadOptions{})
		if err != nil {
			t.Error(err)
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		plain := new(Model)
		if err := proto.Unmarshal(data, plain); err != nil {
			return err
		}
		if !proto.Equal(plain, m) {
			t.Errorf("%s: Load and protobuf read different models", path)
		}
		again, err := Unmarshal(marshal(t, m), LoadOptions{})
		if err != nil || !proto.Equal(m, again) || !bytes.Equal(marshal(t, m), marshal(t, again)) {
			t.Errorf("%s: written and read it is another model (%v)", path, err)
		}
		text := format(t, m, TextOptions{Full: true})
		parsed, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		if second := format(t, parsed, TextOptions{Full: true}); beforeNote(text) != second {
			t.Errorf("%s: printed, parsed and printed again it is another text", path)
		}
		sameModel(t, m, parsed)
		return eachTensor(m, func(p *TensorPB) error {
			if _, err := Decode(p); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			return nil
		})
	})
	if err != nil || models < 1000 {
		t.Fatalf("%d models, %v", models, err)
	}
	t.Logf("%d models", models)
}
