namespace ControlNet.Native;

/// <summary>What brackets and key words of a prompt mean.</summary>
public enum PromptSyntax
{
    /// <summary>
    /// What they mean in the A1111 web UI: <c>(x)</c>, <c>[x]</c> and <c>(x:1.3)</c> weigh, <c>[a:b:0.5]</c> and
    /// <c>[a|b]</c> change on the way, <c>BREAK</c> begins a chunk, <c>AND</c> joins prompts; a backslash makes a
    /// bracket text. See <see cref="Text.PromptAttention"/>, <see cref="Text.PromptSchedule"/> and
    /// <see cref="Text.PromptConjunction"/>. A prompt without any of these is read as <see cref="Plain"/> reads it.
    /// </summary>
    WebUi,

    /// <summary>Nothing, as in diffusers: the text is what the text encoder reads.</summary>
    Plain,
}
