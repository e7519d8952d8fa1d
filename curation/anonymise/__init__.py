"""Personal data in Chinese government text: found, judged by a policy, replaced."""
