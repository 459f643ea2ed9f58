package main

import (
	"strings"
	"testing"

	"autodeeplab/compile"
)

// TestSummaryPublished holds the tables of the paper's three networks at the paper's size. That their totals are right is
// held by the tests of package compile, against counts that were made apart from it; the paper says 10.15, 21.62 and
// 44.42 M parameters (Auto-DeepLab, table 4).
func TestSummaryPublished(t *testing.T) {
	for size, params := range map[string]string{"S": "10,147,427", "M": "21,622,451", "L": "44,424,691"} {
		text := succeed(t, "", "summary --input-size 1024x2048 --size "+size)
		golden(t, "summary-"+strings.ToLower(size)+".txt", "", text)
		if !strings.Contains(text, " "+params+" ") {
			t.Errorf("%s has no total of %s parameters", size, params)
		}
		if size == "S" && succeed(t, "", "summary") != text {
			t.Error("S at 1024x2048 is not the default")
		}
	}
}

// TestSummaryJSON compares the two outputs, and a network before and after it was compiled.
func TestSummaryJSON(t *testing.T) {
	dir := folder(t)
	var s compile.Summary
	decodeJSON(t, []byte(succeed(t, dir, "summary DIR/small.json --filters 4 --classes 3 --input-size 65x33 --json")), &s)
	if s.String() != succeed(t, dir, "summary DIR/small.json --filters 4 --classes 3 --input-size 65x33") {
		t.Error("the table and the JSON say different things")
	}
	var params, macs int64
	for _, r := range s.Rows {
		params, macs = params+r.Params, macs+r.MACs
	}
	if params != s.Total.Params || macs != s.Total.MACs || params == 0 || macs == 0 {
		t.Errorf("the rows have %d parameters and %d multiply-adds, the total %d and %d", params, macs, s.Total.Params, s.Total.MACs)
	}

	succeed(t, dir, "compile DIR/small.json --filters 4 --classes 3 --input-size 65x33 --form training -o DIR/fixed.onnx")
	succeed(t, dir, "compile DIR/small.json --filters 4 --classes 3 --input-size dynamic --batch dynamic --form training -o DIR/dynamic.onnx")
	for _, args := range []string{"summary DIR/fixed.onnx --json", "summary DIR/fixed.onnx --input-size 65x33 --json", "summary DIR/dynamic.onnx --input-size 65x33 --json"} {
		var again compile.Summary
		decodeJSON(t, []byte(succeed(t, dir, args)), &again)
		if again.Total.Params != s.Total.Params || again.Total.MACs != s.Total.MACs || len(again.Rows) != len(s.Rows) {
			t.Errorf("%s: %v, want %v", args, again.Total, s.Total)
		}
	}
	var two compile.Summary
	decodeJSON(t, []byte(succeed(t, dir, "summary DIR/dynamic.onnx --input-size 65x33 --batch 2 --json")), &two)
	if two.Total.MACs != 2*s.Total.MACs || two.Total.Params != s.Total.Params {
		t.Errorf("a batch of 2 takes %d multiply-adds, one %d", two.Total.MACs, s.Total.MACs)
	}

	fail(t, dir, "summary DIR/dynamic.onnx", exitFailure, "dynamic.onnx", "--input-size")
	fail(t, dir, "summary DIR/dynamic.onnx --input-size dynamic", exitUsage, "--input-size HxW")
	fail(t, dir, "summary DIR/fixed.onnx --input-size 33x33", exitFailure, "fixed.onnx", "float[1,3,65,33]", "--input-size")
	fail(t, dir, "summary DIR/fixed.onnx --batch 2", exitFailure, "fixed.onnx", "--batch")
	fail(t, dir, "summary DIR/none.onnx", exitFailure, "none.onnx: no such file")
	fail(t, dir, "summary DIR/street.jpg", exitFailure, "street.jpg")
}
