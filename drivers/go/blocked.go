package main

// blockedTime is the time in which the client refused records, so that it can be told apart from the driver's own
// lateness. Intended sends are asked about in ascending order: spells that ended before the oldest are forgotten.
type blockedTime struct {
	spells []spell
	// When the present spell began, where there is one.
	began   int64
	ongoing bool
	total   int64
	told    int64
}

// spell is a finished stretch, with the blocked time of all stretches up to its end.
type spell struct{ began, ended, upTo int64 }

func (b *blockedTime) begin(now int64) {
	if !b.ongoing {
		b.began, b.ongoing = now, true
	}
}

func (b *blockedTime) end(now int64) {
	if !b.ongoing {
		return
	}
	b.ongoing = false
	b.total += now - b.began
	if last := len(b.spells) - 1; last >= 0 && b.spells[last].ended == b.began {
		b.spells[last].ended, b.spells[last].upTo = now, b.total
		return
	}
	b.spells = append(b.spells, spell{b.began, now, b.total})
}

// since is the blocked time from an intended send until now.
func (b *blockedTime) since(intended, now int64) int64 {
	for len(b.spells) > 0 && b.spells[0].ended <= intended {
		b.spells = b.spells[1:]
	}
	blocked := int64(0)
	if len(b.spells) > 0 {
		first := b.spells[0]
		blocked = b.total - first.upTo + first.ended - max(intended, first.began)
	}
	if b.ongoing {
		blocked += now - max(intended, b.began)
	}
	return blocked
}

// take is the blocked time up to now that has not been told yet.
func (b *blockedTime) take(now int64) int64 {
	soFar := b.total
	if b.ongoing {
		soFar += now - b.began
	}
	taken := soFar - b.told
	b.told = soFar
	return taken
}
