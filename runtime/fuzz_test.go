package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"autodeeplab/internal/randomgraph"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// small limits bound what a hostile model may cost: a convolution over them takes milliseconds.
var small = op.Limits{MaxElems: 1 << 12, MaxFold: 1 << 10, MaxDims: 8, MaxMemory: 1 << 20}

// FuzzModel takes any bytes the whole way that run takes a model: decoded (as a binary model or as text), checked,
// inferred, planned and run on its inputs. It ends in errors of one line or in outputs of the shapes that were announced,
// without a panic, even one that the session would recover from.
func FuzzModel(f *testing.F) {
	for _, data := range modelSeeds(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		m, err := onnx.Unmarshal(data, onnx.LoadOptions{MaxProto: 1 << 16})
		if err != nil {
			if m, err = onnx.Parse(string(data)); err != nil {
				return
			}
		}
		start := time.Now()
		mustCheck(t, m)
		mustRun(t, m)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("it takes %v", d)
		}
	})
}

// modelSeeds are models for which FuzzModel has something to do: those of the checker's tests, as they are and as text,
// the texts of package onnx's tests, and random graphs over the operators that the engine claims.
func modelSeeds(f *testing.F) [][]byte {
	var seeds [][]byte
	data, err := os.ReadFile("../onnx/check/testdata/models.json")
	if err != nil {
		f.Fatal(err)
	}
	var cases []struct{ Model []byte }
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 50 {
		f.Fatalf("%d models, %v", len(cases), err)
	}
	add := func(m *onnx.Model) {
		var b strings.Builder
		if err := onnx.Format(&b, m, onnx.TextOptions{Full: true}); err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, []byte(b.String()))
	}
	for _, c := range cases {
		seeds = append(seeds, c.Model)
		if m, err := onnx.Unmarshal(c.Model, onnx.LoadOptions{}); err == nil {
			add(m)
		}
	}
	names, err := filepath.Glob("../onnx/testdata/*/*.txt")
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, n := range names {
		text, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, text)
	}
	for seed := range uint64(150) {
		m := randomgraph.New(seed).Model
		if data, err := onnx.Marshal(m); err == nil && len(data) < 2048 {
			if add(m); seed%4 == 0 {
				seeds = append(seeds, data)
			}
		}
	}
	return seeds
}

// oneLine fails unless err is one line, of no defect of our own.
func oneLine(t *testing.T, err error) {
	t.Helper()
	if s := err.Error(); s == "" || strings.ContainsAny(s, "\n\r\x1b") || strings.Contains(s, "internal error") {
		t.Errorf("the error is %q, want one line about the model", s)
	}
}

// mustCheck fails if checking m panics, or if Model and Infer disagree on whether m can be run.
func mustCheck(t *testing.T, m *onnx.Model) {
	found := check.Model(m, check.Options{Limits: &small})
	for _, f := range found {
		oneLine(t, errors.New(f.String()))
	}
	if _, err := check.Infer(m, check.Options{Limits: &small}); err != nil {
		oneLine(t, err)
		if len(found) == 0 {
			t.Errorf("Model finds nothing, but Infer says: %v", err)
		}
	}
}

// mustRun loads and runs m, as far as it goes.
func mustRun(t *testing.T, m *onnx.Model) {
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: 1, Limits: &small})
	if err != nil {
		oneLine(t, err)
		return
	}
	defer s.Close()
	inputs := make(map[string]*tensor.Tensor)
	for _, v := range s.Inputs() {
		if inputs[v.Name] = someInput(v); inputs[v.Name] == nil {
			return
		}
	}
	out, err := s.Run(context.Background(), inputs)
	if err != nil {
		oneLine(t, err)
		return
	}
	for _, v := range s.Outputs() {
		o := out[v.Name]
		if n, err := tensor.NumElems(o.Shape); err != nil || n != o.Len() {
			t.Errorf("output %s is %s of %d elements", v, o, o.Len())
		}
		if o.DType != v.DType || v.HasRank() && len(v.Dims) != len(o.Shape) {
			t.Errorf("output %s was announced, and is %s", v, o)
			continue
		}
		for i, d := range v.Dims {
			if d.IsKnown() && d.Size != o.Shape[i] {
				t.Errorf("output %s was announced, and is %s", v, o)
			}
		}
	}
}

// someInput makes a tensor that v describes: small integers, and a size of 3 for each dimension that it leaves open. It
// is nil where that is over the limits, or the type has no such numbers.
func someInput(v runtime.Value) *tensor.Tensor {
	shape := []int{2, 3}
	if v.HasRank() {
		shape = make([]int, len(v.Dims))
		for i, d := range v.Dims {
			if shape[i] = 3; d.IsKnown() {
				shape[i] = d.Size
			}
		}
	}
	n, err := tensor.NumElems(shape)
	if err != nil || n > small.MaxElems {
		return nil
	}
	t, err := tensor.New(v.DType, shape)
	if err != nil {
		return nil
	}
	switch data := t.Data.(type) {
	case []float32:
		for i := range data {
			data[i] = float32(i%7) - 3
		}
	case []int64:
		for i := range data {
			data[i] = int64(i%5) - 1
		}
	case []int32:
		for i := range data {
			data[i] = int32(i%5) - 1
		}
	case []uint8:
		for i := range data {
			data[i] = uint8(i)
		}
	case []int8:
		for i := range data {
			data[i] = int8(i)
		}
	case []bool:
		for i := range data {
			data[i] = i%2 == 0
		}
	}
	return t
}
