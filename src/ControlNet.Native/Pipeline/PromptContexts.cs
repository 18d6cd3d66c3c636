using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;

namespace ControlNet.Native;

/// <summary>
/// The texts of a request as the networks read them in each call of the sampler. Where the prompt changes, so does the
/// context; that of the calls before is freed, because what its layers projected takes far more memory than time.
/// </summary>
internal sealed class PromptContexts : IDisposable
{
    private readonly GenerationPlan _plan;
    private readonly List<Tensor> _texts = [];
    private int _state = -1;
    private TextContext? _all, _conditions;

    /// <summary>Takes the texts over.</summary>
    /// <param name="plan">The request.</param>
    /// <param name="texts">One <c>[1, T, C]</c> for each text of the plan; they are freed with this.</param>
    public PromptContexts(GenerationPlan plan, IEnumerable<Tensor> texts)
    {
        _plan = plan;
        foreach (Tensor text in texts)
        {
            _texts.Add(text.Detach());
        }
    }

    /// <summary>Number of what is read in a call: calls that agree in it read the same.</summary>
    public int StateAt(int call) => _plan.Prompts.StateAt(call - _plan.FirstCall, _plan.CallsTaken);

    /// <summary>
    /// All texts of a call, <c>[1 + conditions, T, C]</c>, the negative prompt first where there is one.
    /// </summary>
    public TextContext At(int call)
    {
        int state = StateAt(call);
        if (state != _state || _all is null)
        {
            Forget();
            using TensorScope scope = TensorScope.Enter();
            IReadOnlyList<int> texts = _plan.Prompts.States[state];
            Tensor[] parts = new Tensor[texts.Count];
            for (int i = 0; i < parts.Length; i++)
            {
                parts[i] = _texts[texts[i]];
            }

            Tensor states = parts.Length == 1 ? parts[0].Rows(0, 1) : Ops.Concat(0, parts);
            (_all, _state) = (new TextContext(states.Detach()), state);
        }

        return _all;
    }

    /// <summary>The texts but for the negative prompt, with projections of their own. With guidance only.</summary>
    public TextContext ConditionsAt(int call)
    {
        Tensor all = At(call).States;
        return _conditions ??= new TextContext(all.Rows(1, all.Shape[0] - 1).Detach());
    }

    /// <summary>Frees everything.</summary>
    public void Dispose()
    {
        Forget();
        _texts.ForEach(text => text.Dispose());
        _texts.Clear();
    }

    private void Forget()
    {
        foreach (TextContext? context in (ReadOnlySpan<TextContext?>)[_conditions, _all])
        {
            context?.Dispose();
            context?.States.Dispose();
        }

        (_conditions, _all) = (null, null);
    }
}
