package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
)

// small limits bound what a hostile model may cost.
var small = op.Limits{MaxElems: 1 << 16, MaxFold: 1 << 10, MaxDims: 8}

// mustBeFine fails if checking m panics, takes long, or if Model and Infer disagree on whether m can be run.
func mustBeFine(t *testing.T, m *onnx.Model) {
	start := time.Now()
	found := Model(m, Options{Limits: &small})
	for _, f := range found {
		if s := f.String(); strings.ContainsAny(s, "\n\r\x1b") || f.Text == "" {
			t.Errorf("%q is not one line of text", s)
		}
	}
	if _, err := Infer(m, Options{Limits: &small}); err != nil && len(found) == 0 {
		t.Errorf("Model finds nothing, but Infer says: %v", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("checking takes %v", d)
	}
}

// FuzzModel: whatever a file holds, loading and checking it ends, without a panic, in an error or a list of findings.
func FuzzModel(f *testing.F) {
	for _, c := range modelCases(f) {
		f.Add(c.Model)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Unmarshal(data, onnx.LoadOptions{MaxProto: 1 << 16})
		if err == nil {
			mustBeFine(t, m)
		}
	})
}

// FuzzModelText is FuzzModel for models in the textual form, where a mutation is more often a model still.
func FuzzModelText(f *testing.F) {
	names, err := filepath.Glob("../testdata/*/*.txt")
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, n := range names {
		text, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, c := range modelCases(f) {
		m, err := onnx.Unmarshal(c.Model, onnx.LoadOptions{})
		if err != nil {
			continue
		}
		var b strings.Builder
		if err := onnx.Format(&b, m, onnx.TextOptions{Full: true}); err != nil {
			f.Fatal(err)
		}
		f.Add(b.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		if m, err := onnx.Parse(text); err == nil {
			mustBeFine(t, m)
		}
	})
}
