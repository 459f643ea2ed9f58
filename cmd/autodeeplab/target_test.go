package main

import (
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/onnx"
)

func TestCompileForTargets(t *testing.T) {
	dir := t.TempDir()
	const net = "--filters 4 --classes 3 --input-size 33x49 "
	text := succeed(t, dir, "compile "+net+"--target tensorrt --output labels -o DIR/trt.onnx")
	if want := "trtexec --onnx=" + dir + "/trt.onnx --saveEngine=" + dir + "/trt.plan\n"; !strings.HasSuffix(text, want) {
		t.Errorf("%q, want it to end in %q", text, want)
	}
	text = succeed(t, dir, "compile "+net+"--target onnxruntime -o DIR/ort.onnx --triton DIR/repository")
	if !strings.Contains(text, "repository/ort: version 1 of a model repository") {
		t.Errorf("%q", text)
	}
	m := load(t, filepath.Join(dir, "repository", "ort", "1", "model.onnx"))
	if passes := onnx.Metadata(m)["autodeeplab.passes"]; !strings.Contains(passes, "upsampled-conv") {
		t.Errorf("passes %s", passes)
	}
	for _, name := range []string{"onnxruntime", "tensorrt", "openvino", "generic"} {
		succeed(t, dir, "check --target "+name+" DIR/trt.onnx DIR/ort.onnx")
	}
	text = succeed(t, dir, "compile DIR/ort.onnx --target tensorrt --precision int8 --calibration ../../fixtures/sample/street.jpg -o DIR/int8.onnx")
	if !strings.HasSuffix(text, "int8.plan --int8 --fp16\n") {
		t.Errorf("%q", text)
	}
	succeed(t, dir, "check --target generic DIR/int8.onnx")
	succeed(t, dir, "compile DIR/ort.onnx --opset 22 -o DIR/new.onnx")
	o := command(t, dir, "check --target tensorrt DIR/new.onnx")
	if o.status != exitFailure || !strings.Contains(o.stdout, "the model imports ai.onnx 22; TensorRT 10.0 takes 9 to 20 (compile --opset 20)") {
		t.Errorf("exit %d: %s%s", o.status, o.stdout, o.stderr)
	}
	succeed(t, dir, "compile DIR/new.onnx --target generic -o DIR/old.onnx") // brought back without being asked
	if v := onnx.Opset(load(t, filepath.Join(dir, "old.onnx"))); v != 20 {
		t.Errorf("opset %d", v)
	}
	fail(t, dir, "compile DIR/new.onnx --target tensorrt --opset 22 -o DIR/q.onnx", exitFailure, "--target tensorrt: the model imports ai.onnx 22")
	fail(t, dir, "compile --target coreml -o DIR/q.onnx", exitUsage, "want onnxruntime, tensorrt, openvino, generic")
	fail(t, dir, "check --target coreml DIR/new.onnx", exitUsage, "want onnxruntime, tensorrt, openvino, generic")
	fail(t, dir, "compile "+net+"--input uint8 --triton DIR/repository DIR/ort.onnx", exitUsage, "--filters")
	fail(t, dir, "compile DIR/ort.onnx --input uint8 --triton DIR/repository", exitFailure, "another configuration")
}
