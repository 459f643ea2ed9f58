//go:build !noasm

package kernel

var winogradAVX512 = winogradAsm{
	in:   []func(dst, src *float32, n, pointLd, shift int, tmp *float32){winogradInF33AVX512, winogradInF43AVX512, winogradInF25AVX512, winogradInF35AVX512},
	out:  []func(dst, src *float32, n, pointLd int, tmp *float32, bias, lo, hi float32){winogradOutF33AVX512, winogradOutF43AVX512, winogradOutF25AVX512, winogradOutF35AVX512},
	grad: []func(dst, src *float32, n, pointLd int, tmp *float32){winogradGradF33AVX512, winogradGradF43AVX512, winogradGradF25AVX512, winogradGradF35AVX512},
	split: [5][3]func(dst, src *float32, x0, width, n, rows, srcLd, ahead int){
		2: {1: winogradSplit2x1AVX512, 2: winogradSplit2x2AVX512},
		3: {1: winogradSplit3x1AVX512, 2: winogradSplit3x2AVX512},
		4: {1: winogradSplit4x1AVX512, 2: winogradSplit4x2AVX512},
	},
	join: [5][3]func(dst, src *float32, count, rows, dstLd int){
		2: {1: winogradJoin2x1AVX512, 2: winogradJoin2x2AVX512},
		3: {1: winogradJoin3x1AVX512, 2: winogradJoin3x2AVX512},
		4: {1: winogradJoin4x1AVX512, 2: winogradJoin4x2AVX512},
	},
}

var winogradAVX2 = winogradAsm{
	in:   []func(dst, src *float32, n, pointLd, shift int, tmp *float32){winogradInF33AVX2, winogradInF43AVX2, winogradInF25AVX2, winogradInF35AVX2},
	out:  []func(dst, src *float32, n, pointLd int, tmp *float32, bias, lo, hi float32){winogradOutF33AVX2, winogradOutF43AVX2, winogradOutF25AVX2, winogradOutF35AVX2},
	grad: []func(dst, src *float32, n, pointLd int, tmp *float32){winogradGradF33AVX2, winogradGradF43AVX2, winogradGradF25AVX2, winogradGradF35AVX2},
	split: [5][3]func(dst, src *float32, x0, width, n, rows, srcLd, ahead int){
		2: {1: winogradSplit2x1AVX2, 2: winogradSplit2x2AVX2},
		3: {1: winogradSplit3x1AVX2, 2: winogradSplit3x2AVX2},
		4: {1: winogradSplit4x1AVX2, 2: winogradSplit4x2AVX2},
	},
	join: [5][3]func(dst, src *float32, count, rows, dstLd int){
		2: {1: winogradJoin2x1AVX2, 2: winogradJoin2x2AVX2},
		3: {1: winogradJoin3x1AVX2, 2: winogradJoin3x2AVX2},
		4: {1: winogradJoin4x1AVX2, 2: winogradJoin4x2AVX2},
	},
}
