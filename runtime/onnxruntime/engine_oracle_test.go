//go:build oracle && cgo

package onnxruntime_test

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

func open(t *testing.T) runtime.Engine {
	t.Helper()
	e, err := onnxruntime.New()
	if err != nil {
		t.Fatalf("%v (scripts/test fetches it)", err)
	}
	return e
}

func identity(d tensor.DType, dims ...int) *onnx.Model {
	return &onnx.Model{
		IrVersion:     8,
		OpsetImport:   []*onnx.OpsetID{{Version: 17}},
		MetadataProps: []*onnx.Property{{Key: "k", Value: "v"}},
		Graph: &onnx.Graph{
			Name:   "identity",
			Node:   []*onnx.Node{onnx.NewNode("Identity", "id", []string{"x"}, []string{"y"})},
			Input:  []*onnx.ValueInfo{onnx.NewValueInfo("x", d, onnx.FixedDims(dims...))},
			Output: []*onnx.ValueInfo{onnx.NewValueInfo("y", d, onnx.FixedDims(dims...))},
		},
	}
}

// TestTypes sends a tensor of each type through ONNX Runtime and back.
func TestTypes(t *testing.T) {
	e := open(t)
	for _, x := range []*tensor.Tensor{
		tensor.Of([]float32{1.5, -2}, 2), tensor.Of([]float64{1.5, -2}, 2), tensor.Of([]bool{true, false}, 2),
		tensor.Of([]int8{1, -2}, 2), tensor.Of([]int16{1, -2}, 2), tensor.Of([]int32{1, -2}, 2), tensor.Of([]int64{1, -2}, 2),
		tensor.Of([]uint8{1, 200}, 2), tensor.Of([]uint16{1, 60000}, 2), tensor.Of([]uint32{1, 1 << 31}, 2), tensor.Of([]uint64{1, 1 << 63}, 2),
	} {
		s, err := e.LoadModel(identity(x.DType, 2), runtime.Options{Threads: 1})
		if err != nil {
			t.Fatalf("%s: %v", x, err)
		}
		out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": x})
		if err != nil {
			t.Errorf("%s: %v", x, err)
		} else if !reflect.DeepEqual(out["y"], x) {
			t.Errorf("%s: got %v %v, want %v", x, out["y"], out["y"].Data, x.Data)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestRefusals holds what the binding cannot carry: an error, and no panic.
func TestRefusals(t *testing.T) {
	e := open(t)
	for _, x := range []*tensor.Tensor{
		tensor.Of([]tensor.F16{1, 2}, 2), tensor.Of([]string{"a", "b"}, 2),
	} {
		s, err := e.LoadModel(identity(x.DType, x.Shape...), runtime.Options{})
		if err != nil {
			t.Fatalf("%s: %v", x, err)
		}
		if out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": x}); err == nil {
			t.Errorf("%s: got %v, want an error", x, out["y"])
		}
		s.Close()
	}
}

func TestSession(t *testing.T) {
	e := open(t)
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := onnx.Save(path, identity(tensor.Float32, 2), onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	s, err := e.Load(path, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Inputs()[0].String(); got != "x float[2]" {
		t.Errorf("input %q", got)
	}
	if got := s.Outputs()[0].String(); got != "y float[2]" {
		t.Errorf("output %q", got)
	}
	if s.Metadata()["k"] != "v" {
		t.Errorf("metadata %v", s.Metadata())
	}
	x := map[string]*tensor.Tensor{"x": tensor.Of([]float32{1, 2}, 2)}
	if _, err := s.Run(context.Background(), nil); !errors.Is(err, runtime.ErrInput) {
		t.Errorf("no input: %v", err)
	}
	if _, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": tensor.Of([]float32{1, 2, 3}, 3)}); err == nil {
		t.Error("a wrong shape is accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Run(ctx, x); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Run(context.Background(), x); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestCancelWhileRunning stops a run that would take seconds: 300 products of 700×700 matrices, one after the other.
func TestCancelWhileRunning(t *testing.T) {
	const side = 700
	m := identity(tensor.Float32, side, side)
	m.Graph.Node = nil
	last := "x"
	for i := range 300 {
		next := "v" + strings.Repeat("i", i)
		if i == 299 {
			next = "y"
		}
		m.Graph.Node = append(m.Graph.Node, onnx.NewNode("MatMul", "", []string{last, "x"}, []string{next}))
		last = next
	}
	s, err := open(t).LoadModel(m, runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = s.Run(ctx, map[string]*tensor.Tensor{"x": tensor.Of(make([]float32, side*side), side, side)})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestLibraryErrors(t *testing.T) {
	t.Setenv("AUTODEEPLAB_CACHE", t.TempDir())
	t.Setenv(onnxruntime.EnvLibrary, "")
	if _, err := onnxruntime.Library(); !errors.Is(err, onnxruntime.ErrUnavailable) || !strings.Contains(err.Error(), "scripts/onnxruntime.sh") {
		t.Errorf("without the library: %v", err)
	}
	t.Setenv(onnxruntime.EnvLibrary, "/nowhere/lib.so")
	if _, err := onnxruntime.Library(); !errors.Is(err, onnxruntime.ErrUnavailable) || !strings.Contains(err.Error(), onnxruntime.EnvLibrary) {
		t.Errorf("a wrong path: %v", err)
	}
}
