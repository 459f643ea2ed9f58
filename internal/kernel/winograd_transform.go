package kernel

// winogradAsm holds the assembly of one instruction set; see the Go functions of the same names for what each does.
type winogradAsm struct {
	in   []func(dst, src *float32, n, pointLd, shift int, tmp *float32)                // by algorithm
	out  []func(dst, src *float32, n, pointLd int, tmp *float32, bias, lo, hi float32) // by algorithm
	grad []func(dst, src *float32, n, pointLd int, tmp *float32)                       // by algorithm
	// By number of phases, by dilation.
	split [5][3]func(dst, src *float32, x0, width, n, rows, srcLd, ahead int)
	join  [5][3]func(dst, src *float32, count, rows, dstLd int)
}

// winogradIn computes V = Bᵀ·d·B for n tiles: element (i, j) of the l-th tile's d is at
// src[(i·M + j mod M)·stageLanes + j/M·shift + l], and goes to dst[(i·N + j)·pointLd + l]. It may also write the lanes
// behind the last, up to a whole vector.
func (mk *microKernel) winogradIn(a *winogradAlgorithm, dst, src []float32, n, pointLd, shift int, tmp []float32) {
	if mk.winograd == nil {
		winogradInGo(a, dst, src, n, pointLd, shift)
		return
	}
	whole := roundUp(n, mk.cols/2)
	_, _ = dst[(a.points-1)*pointLd+whole-1], tmp[a.points*mk.cols/2-1]
	_ = src[(a.n*a.M-1)*stageLanes+(a.n-1)/a.M*shift+whole-1]
	mk.winograd.in[a.index](&dst[0], &src[0], n, pointLd, shift, &tmp[0])
}

func winogradInGo(a *winogradAlgorithm, dst, src []float32, n, pointLd, shift int) {
	var d, t [8][8]float32
	for l := range n {
		for i := range a.n {
			for j := range a.n {
				d[i][j] = src[(i*a.M+j%a.M)*stageLanes+j/a.M*shift+l]
			}
		}
		for i, row := range a.input {
			for j := range a.n {
				sum := float32(0)
				for k, v := range row {
					sum += v * d[k][j]
				}
				t[i][j] = sum
			}
		}
		for i := range a.n {
			for j, row := range a.input {
				sum := float32(0)
				for k, v := range row {
					sum += v * t[i][k]
				}
				dst[(i*a.n+j)*pointLd+l] = sum
			}
		}
	}
}

// winogradOut computes Y = Aᵀ·X·A for n tiles, adds bias and clamps as Epilogue says: element (i, j) of the l-th tile's
// X is at src[(i·N + j)·pointLd + l], and of its Y at dst[(i·M + j)·stageLanes + l]. It may also write the lanes behind
// the last, up to a whole vector.
func (mk *microKernel) winogradOut(a *winogradAlgorithm, dst, src []float32, n, pointLd int, tmp []float32, bias, lo, hi float32) {
	if mk.winograd == nil {
		winogradOutGo(a, dst, src, n, pointLd, bias, lo, hi)
		return
	}
	whole := roundUp(n, mk.cols/2)
	_, _ = src[(a.points-1)*pointLd+whole-1], tmp[a.points*mk.cols/2-1]
	_ = dst[(a.M*a.M-1)*stageLanes+whole-1]
	mk.winograd.out[a.index](&dst[0], &src[0], n, pointLd, &tmp[0], bias, lo, hi)
}

func winogradOutGo(a *winogradAlgorithm, dst, src []float32, n, pointLd int, bias, lo, hi float32) {
	var t [8][8]float32
	for l := range n {
		for i, row := range a.output {
			for j := range a.n {
				sum := float32(0)
				for k, v := range row {
					sum += v * src[(k*a.n+j)*pointLd+l]
				}
				t[i][j] = sum
			}
		}
		for i := range a.M {
			for j, row := range a.output {
				sum := float32(0)
				for k, v := range row {
					sum += v * t[i][k]
				}
				at := (i*a.M+j)*stageLanes + l
				dst[at] = sum
				clampRow(dst[at:at+1], bias, lo, hi)
			}
		}
	}
}

// winogradGrad computes A·d·Aᵀ for n tiles, the gradient of winogradOut: element (i, j) of the l-th tile's d, M×M, is at
// src[(i·M + j)·stageLanes + l], and goes to dst[(i·N + j)·pointLd + l]. It may also write the lanes behind the last, up
// to a whole vector.
func (mk *microKernel) winogradGrad(a *winogradAlgorithm, dst, src []float32, n, pointLd int, tmp []float32) {
	if mk.winograd == nil {
		winogradGradGo(a, dst, src, n, pointLd)
		return
	}
	whole := roundUp(n, mk.cols/2)
	_, _, _ = dst[(a.points-1)*pointLd+whole-1], tmp[a.points*mk.cols/2-1], src[(a.M*a.M-1)*stageLanes+whole-1]
	mk.winograd.grad[a.index](&dst[0], &src[0], n, pointLd, &tmp[0])
}

func winogradGradGo(a *winogradAlgorithm, dst, src []float32, n, pointLd int) {
	var t [8][8]float32
	for l := range n {
		for i := range a.n {
			for j := range a.M {
				sum := float32(0)
				for k, row := range a.output {
					sum += row[i] * src[(k*a.M+j)*stageLanes+l]
				}
				t[i][j] = sum
			}
		}
		for i := range a.n {
			for j := range a.n {
				sum := float32(0)
				for k, row := range a.output {
					sum += row[j] * t[i][k]
				}
				dst[(i*a.n+j)*pointLd+l] = sum
			}
		}
	}
}
