package kernel

//go:generate go run ./asm -family rows -out rows_amd64.s -stubs rows_stub_amd64.go

// rowStep is how many elements the assembly handles at a time; the rest of a row is done in Go.
const rowStep = 16

// rowAsm is the assembly for one instruction set. Every function wants n to be a positive multiple of rowStep, lerp
// of lanes.
type rowAsm struct {
	add, max    func(acc, row *float32, n int)
	divide      func(row *float32, n int, by float32)
	blend       func(dst, a, b *float32, n int, wa, wb float32)
	affine      func(dst, src *float32, n int, mean, factor, bias float32)
	standardise func(dst, src *float32, n int, mean, factor, bias float64)
	widen       func(acc *float64, row *float32, n int)
	sum         func(acc *float64, row *float32, n int)
	squares     func(acc *float64, row *float32, n int, mean float64)
	argMax      func(at *int64, best, row *float32, n int, k int64)
	lerp        func(dst, src *float32, n int, base, rel *int32, a, b *float32)
	lanes       int // float32 in a vector
}

// rowSets lists the assembly that this machine can run, the fastest first; rowFast is what is used, nil for none.
var (
	rowSets = asmRows()
	rowFast = func() *rowAsm {
		if len(rowSets) > 0 {
			return rowSets[0]
		}
		return nil
	}()
)

// fastPart is how much of a row of n elements the assembly does.
func fastPart(n int) int {
	if rowFast == nil {
		return 0
	}
	return n &^ (rowStep - 1)
}

// addRow adds row to acc.
func addRow(acc, row []float32) {
	row = row[:len(acc)]
	n := fastPart(len(acc))
	if n > 0 {
		rowFast.add(&acc[0], &row[0], n)
	}
	for i, v := range row[n:] {
		acc[n+i] += v
	}
}

// maxRow leaves the larger elements in acc; NaN where either is one.
func maxRow(acc, row []float32) {
	row = row[:len(acc)]
	n := fastPart(len(acc))
	if n > 0 {
		rowFast.max(&acc[0], &row[0], n)
	}
	for i, v := range row[n:] {
		acc[n+i] = max(acc[n+i], v)
	}
}

// divideRow divides row by a number.
func divideRow(row []float32, by float32) {
	n := fastPart(len(row))
	if n > 0 {
		rowFast.divide(&row[0], n, by)
	}
	for i := range row[n:] {
		row[n+i] /= by
	}
}

// blendRow writes a·wa + b·wb.
func blendRow(dst, a, b []float32, wa, wb float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	n := fastPart(len(dst))
	if n > 0 {
		rowFast.blend(&dst[0], &a[0], &b[0], n, wa, wb)
	}
	for i := n; i < len(dst); i++ {
		dst[i] = float32(a[i]*wa) + float32(b[i]*wb) // the conversions keep arm64 from fusing them
	}
}

// affineRow writes (src − mean)·factor + bias.
func affineRow(dst, src []float32, mean, factor, bias float32) {
	dst = dst[:len(src)]
	n := fastPart(len(src))
	if n > 0 {
		rowFast.affine(&dst[0], &src[0], n, mean, factor, bias)
	}
	for i := n; i < len(src); i++ {
		dst[i] = float32((src[i]-mean)*factor) + bias
	}
}

// standardiseRow writes (src − mean)·factor + bias, computed in float64.
func standardiseRow(dst, src []float32, mean, factor, bias float64) {
	dst = dst[:len(src)]
	n := fastPart(len(src))
	if n > 0 {
		rowFast.standardise(&dst[0], &src[0], n, mean, factor, bias)
	}
	for i := n; i < len(src); i++ {
		dst[i] = float32(float64((float64(src[i])-mean)*factor) + bias)
	}
}

// widenRow adds row to acc in float64.
func widenRow(acc []float64, row []float32) {
	row = row[:len(acc)]
	n := fastPart(len(acc))
	if n > 0 {
		rowFast.widen(&acc[0], &row[0], n)
	}
	for i, v := range row[n:] {
		acc[n+i] += float64(v)
	}
}

// sumFloats adds the elements of row to acc, in rowStep interleaved sums that are then added pairwise.
func sumFloats(acc float64, row []float32) float64 {
	sums := rowSums.Get().(*[rowStep]float64)
	clear(sums[:])
	n := fastPart(len(row))
	if n > 0 {
		rowFast.sum(&sums[0], &row[0], n)
	}
	for i, v := range row[n:] {
		sums[i%rowStep] += float64(v)
	}
	acc += pairwise(sums)
	rowSums.Put(sums)
	return acc
}

// squareFloats adds (x − mean)² for each x of row to acc, as sumFloats does.
func squareFloats(acc, mean float64, row []float32) float64 {
	sums := rowSums.Get().(*[rowStep]float64)
	clear(sums[:])
	n := fastPart(len(row))
	if n > 0 {
		rowFast.squares(&sums[0], &row[0], n, mean)
	}
	for i, v := range row[n:] {
		d := float64(v) - mean
		sums[i%rowStep] += float64(d * d)
	}
	acc += pairwise(sums)
	rowSums.Put(sums)
	return acc
}

func pairwise(sums *[rowStep]float64) float64 {
	for half := rowStep / 2; half > 0; half /= 2 {
		for i := range half {
			sums[i] += sums[half+i]
		}
	}
	return sums[0]
}

// argMaxRow is the step of the commonest case of ArgExtreme, the first of the largest: the labels of a segmentation.
// Where an element of row is larger than best, or the first NaN, it becomes best and k is noted.
func argMaxRow(at []int64, best, row []float32, k int64) {
	best, row = best[:len(at)], row[:len(at)]
	n := fastPart(len(at))
	if n > 0 {
		rowFast.argMax(&at[0], &best[0], &row[0], n, k)
	}
	for j := n; j < len(at); j++ {
		if v, b := row[j], best[j]; !(v <= b) && b == b {
			best[j], at[j] = v, k
		}
	}
}
