package kernel

// phases says how n tiles of a line, the first being number lane, lie over rows of an image: element f of tile l is
// column (l/dilation·m + f)·dilation + l mod dilation − pad.
//
// In staged form the elements f of all tiles stand side by side: element f of row i and tile lane+l is at
// (i·m + f)·stageLanes + l.
type phases struct{ m, dilation, pad, lane, n, rows int }

// column gives the column of element f of the l-th tile.
func (b *phases) column(f, l int) int {
	l += b.lane
	return (l/b.dilation*b.m+f)*b.dilation + l%b.dilation - b.pad
}

// runsFrom is the dilation from which runs of neighbouring tiles are long enough to be copied one by one.
const runsFrom = 3

// winogradSplit copies rows of an image to staged form, with zeros for columns beside it. From row to row src moves by
// ld elements; the next call may want what lies ahead elements further on. Lanes behind the last, up to a whole vector, become undefined.
func (mk *microKernel) winogradSplit(b *phases, dst, src []float32, width, ld, ahead int) {
	switch {
	case b.dilation >= runsFrom:
		winogradSplitRuns(mk, b, dst, src, width, ld)
	case mk.winograd != nil:
		_ = dst[(b.rows*b.m-1)*stageLanes+roundUp(b.n, winogradSlack)-1]
		_ = src[(b.rows-1)*ld+width-1]
		mk.winograd.split[b.m][b.dilation](&dst[0], &src[0], b.column(0, 0), width, b.n, b.rows, ld, ahead)
	default:
		winogradSplitGo(b, dst, src, width, ld)
	}
}

func winogradSplitGo(b *phases, dst, src []float32, width, ld int) {
	for f := range b.m {
		for l := range b.n {
			x := b.column(f, l)
			for i := range b.rows {
				v := float32(0)
				if x >= 0 && x < width {
					v = src[i*ld+x]
				}
				dst[(i*b.m+f)*stageLanes+l] = v
			}
		}
	}
}

// eachRun calls body for the runs of tiles whose elements f are neighbours: n tiles from the l-th, at column x.
func (b *phases) eachRun(f int, body func(l, n, x int)) {
	for l := 0; l < b.n; {
		n := min(b.dilation-(b.lane+l)%b.dilation, b.n-l)
		body(l, n, b.column(f, l))
		l += n
	}
}

func winogradSplitRuns(mk *microKernel, b *phases, dst, src []float32, width, ld int) {
	for f := range b.m {
		b.eachRun(f, func(l, n, x int) {
			to := dst[f*stageLanes+l:]
			lo := min(max(-x, 0), n)
			hi := max(min(width-x, n), lo)
			if hi-lo < n {
				for i := range b.rows {
					clear(to[i*b.m*stageLanes:][:n])
				}
			}
			for ; lo < hi; lo += mk.cols {
				mk.copyLanes(to[lo:], src[x+lo:], min(hi-lo, mk.cols), b.rows, b.m*stageLanes, ld)
			}
		})
	}
}

// winogradJoin copies staged rows to an image, where columns from width on are left out. From row to row dst moves by ld
// elements. It writes nothing but the tiles' elements, and leaves b as it was.
func (mk *microKernel) winogradJoin(b *phases, dst, src []float32, width, ld int) {
	if b.dilation >= runsFrom {
		winogradJoinRuns(mk, b, dst, src, width, ld)
		return
	}
	if mk.winograd == nil {
		winogradJoinGo(b, dst, src, width, ld)
		return
	}
	// Whole blocks of dilation tiles cover a stretch of columns; what is left at the ends goes one by one.
	lane, n := b.lane, b.n
	lead := min((b.dilation-lane%b.dilation)%b.dilation, n)
	whole := (n - lead) / b.dilation * b.dilation
	if lead > 0 {
		b.n = lead
		winogradJoinGo(b, dst, src, width, ld)
	}
	if whole > 0 {
		b.lane = lane + lead
		x := b.column(0, 0)
		count := min(whole*b.m, width-x)
		_, _ = dst[(b.rows-1)*ld+x+count-1], src[(b.rows*b.m-1)*stageLanes+lead+whole-1]
		mk.winograd.join[b.m][b.dilation](&dst[x], &src[lead], count, b.rows, ld)
	}
	if lead+whole < n {
		b.lane, b.n = lane+lead+whole, n-lead-whole
		winogradJoinGo(b, dst, src[lead+whole:], width, ld)
	}
	b.lane, b.n = lane, n
}

func winogradJoinGo(b *phases, dst, src []float32, width, ld int) {
	for f := range b.m {
		for l := range b.n {
			x := b.column(f, l)
			if x >= width {
				continue
			}
			for i := range b.rows {
				dst[i*ld+x] = src[(i*b.m+f)*stageLanes+l]
			}
		}
	}
}

func winogradJoinRuns(mk *microKernel, b *phases, dst, src []float32, width, ld int) {
	for f := range b.m {
		b.eachRun(f, func(l, n, x int) {
			from := src[f*stageLanes+l:]
			n = min(n, width-x)
			for lo := 0; lo < n; lo += mk.cols {
				mk.copyLanes(dst[x+lo:], from[lo:], min(n-lo, mk.cols), b.rows, ld, b.m*stageLanes)
			}
		})
	}
}
