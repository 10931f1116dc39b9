// Package httpfence carries fencing tokens over HTTP: a handler that admits requests, and a transport that sends the token.
//
// # Use
//
// Server, the only way to a resource of its own or to an API that cannot check:
//
//	marks, err := filefence.OpenMarks("/var/lib/proxy/fence") // a folder, which outlives the process
//	fence := &httpfence.Middleware{Gate: &fencing.Gate{Marks: marks}, Guard: guard}
//	mux.Handle("/job/", fence.Wrap(handler))
//
// Server in front of storage that checks by itself: set Storage instead of Gate. Then the middleware refuses early what is stale already, and hands the token
// to the handler, which checks it again in the storage's own step:
//
//	text, _ := httpfence.Presented(r.Context())
//	_, err := guard.CheckText(r.Context(), pgfence.In(tx), text)
//
// Client: http.Client{Transport: &httpfence.Transport{Token: grant.Presented}}. A refusal comes back as *httpfence.Refused, which errors.Is knows by the sentinels of fencing.
//
// # The contract
//
// The token travels in the header Paddock-Token. GET, HEAD and OPTIONS are judged as reads (never raise), every other method as a write; a request with the
// header Paddock-Seal: 1 is a seal (another value is refused). Answers to refusals have a JSON body {"error": reason, "message": text} and the status 428 (no token), 400
// (malformed), 401 (not verified), 403 (wrong scope), 409 (unknown lineage, no watermark, implausible), 412 (stale) or 503 (the watermark storage failed). A
// 412 is final for that token: never try again with it.
//
// # Why it is atomic, and when not
//
// With a Gate a request of an older grant is either finished before a newer token is admitted, or refused: atomic as long as every way to the resource
// leads through this one process, and the handler returns only when its effect has taken place or never will. An http.TimeoutHandler returns before its handler does: put it around
// Wrap, http.TimeoutHandler(fence.Wrap(handler), …), where it answers the client and the Gate stays shut until the handler has ended. Where something deeper leaves handlers behind, put [Hold]
// directly around them. A request of an older grant that goes on while a newer one waits has its context cancelled after Gate.Grace, and its waits for the client end. With Storage the middleware alone would be two
// steps: the handler must check in the storage.
//
// # Testing
//
// The tests run fencingtest over real connections: through a Gate, and through a handler with a SQLite file.
package httpfence
