// Package precision gives a deployed float32 network smaller numbers: float16, or int8 in QDQ form.
//
// It works on graphs as compile.Deploy leaves them, of whatever form, and on graphs from elsewhere. What a value's range
// is, it measures on calibration pictures with an engine; which nodes keep float32, and why, is part of the result and
// goes into the metadata (compile.KeyPrecision).
//
//	plan.go       which nodes can compute in int8, and where a value is quantised
//	observe.go    what values hold on the pictures, a bounded number of bytes at a time
//	calibrate.go  ranges: min-max, percentile, entropy
//	quantize.go   scales and zero points; weights and biases
//	int8.go       the QDQ graph
//	report.go     the error of each layer alone; layers over the threshold stay float
//	half.go       float16
package precision
