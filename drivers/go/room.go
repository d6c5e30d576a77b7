package main

import "github.com/twmb/franz-go/pkg/kgo"

// room is how much the client will take without refusing: nobody else fills it, so it only grows beyond what was measured
// last. The comparison is the one that TryProduce makes, which would tell its refusal later, through the promise.
type room struct {
	client               *kgo.Client
	maxRecords, maxBytes int64
	records, bytes       int64
}

func roomOf(client *kgo.Client) room {
	return room{
		client: client, maxRecords: client.OptValue(kgo.MaxBufferedRecords).(int64),
		maxBytes: client.OptValue(kgo.MaxBufferedBytes).(int64),
	}
}

// take reserves room for a record, and says whether there was any.
func (r *room) take(size int64) bool {
	// What is larger than the whole buffer is never waited for: the client fails it at once.
	counts := r.maxBytes > 0 && size <= r.maxBytes
	if r.records <= 0 || counts && r.bytes < size {
		r.records = r.maxRecords - r.client.BufferedProduceRecords()
		r.bytes = r.maxBytes - r.client.BufferedProduceBytes()
		if r.records <= 0 || counts && r.bytes < size {
			return false
		}
	}
	r.records--
	r.bytes -= size
	return true
}
