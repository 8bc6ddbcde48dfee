"""What a message, call or stream may cost and from whom it is taken: rules, limits, marks. Neutral, without a clock."""
