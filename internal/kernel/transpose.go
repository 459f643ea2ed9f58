package kernel

// transposeTile is the edge of the tiles in which a matrix is transposed: a tile and its image, 64 × 64 elements each,
// stay in the first two levels of cache.
const transposeTile = 64

// transposed is the case of Strided where the source's neighbours along axis j are the destination's along another
// than the last: every such copy is a batch of matrix transpositions. It goes tile by tile so that whole cache lines are
// used on both sides.
func transposed[T any](p *Pool, dst, src []T, axes []strideAxis, j, offset int) {
	last := len(axes) - 1
	cols := axes[last].n
	var outer, image []strideAxis // the other axes, as they lie in the source and in the destination
	step, rowStep := cols, 0
	images := make([]int, len(axes))
	for k := last - 1; k >= 0; k-- {
		images[k] = step
		if k == j {
			rowStep = step
		}
		step *= axes[k].n
	}
	batch := 1
	for k, a := range axes[:last] {
		if k != j {
			outer = append(outer, a)
			image = append(image, strideAxis{a.n, images[k]})
			batch *= a.n
		}
	}
	tileRows := (axes[j].n + transposeTile - 1) / transposeTile
	tileCols := (cols + transposeTile - 1) / transposeTile
	tiles := tileRows * tileCols
	area := min(axes[j].n, transposeTile) * min(cols, transposeTile)
	p.For(batch*tiles, max(moveGrain/area, 1), func(_, lo, hi int) {
		from, to := newOdometer(outer, lo/tiles), newOdometer(image, lo/tiles)
		for u := lo; u < hi; u++ {
			r, c := u%tiles/tileCols*transposeTile, u%tiles%tileCols*transposeTile
			transposeOne(dst[to.offset+r*rowStep+c:], src, offset+from.offset+r+c*axes[last].step,
				min(transposeTile, axes[j].n-r), min(transposeTile, cols-c), rowStep, axes[last].step)
			if u%tiles == tiles-1 {
				from.next()
				to.next()
			}
		}
	})
}

// transposeOne writes rows × cols elements: row i of dst, rowStep apart, are the i-th elements of the columns of src,
// which begin at from and lie step apart.
func transposeOne[T any](dst, src []T, from, rows, cols, rowStep, step int) {
	x := 0
	for ; x+8 <= cols; x += 8 {
		at := from + x*step
		c0, c1, c2, c3 := src[at:][:rows], src[at+step:][:rows], src[at+2*step:][:rows], src[at+3*step:][:rows]
		at += 4 * step
		c4, c5, c6, c7 := src[at:][:rows], src[at+step:][:rows], src[at+2*step:][:rows], src[at+3*step:][:rows]
		for i := range rows {
			d := dst[i*rowStep+x:][:8]
			d[0], d[1], d[2], d[3] = c0[i], c1[i], c2[i], c3[i]
			d[4], d[5], d[6], d[7] = c4[i], c5[i], c6[i], c7[i]
		}
	}
	for ; x < cols; x++ {
		for i, v := range src[from+x*step:][:rows] {
			dst[i*rowStep+x] = v
		}
	}
}
