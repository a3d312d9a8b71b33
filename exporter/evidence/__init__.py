"""Evidence about sessions: their owners, and lists of live sessions; requests and judgement."""
